package main

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	tracesPath  = "/v1/traces"
	metricsPath = "/v1/metrics"
	logsPath    = "/v1/logs"
)

// A Sink is an OTLP/HTTP receiver on a free port that keeps what it is sent.
type Sink struct {
	Address string

	done   <-chan struct{} // nobody waits any longer
	mu     sync.Mutex
	bodies map[string][][]byte // by path: requests as they came, un-gzipped
	failed error
	news   chan struct{}
}

func listenSink(ctx context.Context) (*Sink, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	sink := &Sink{Address: listener.Addr().String(), done: ctx.Done(), bodies: map[string][][]byte{}, news: make(chan struct{}, 1)}
	server := &http.Server{Handler: sink, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	context.AfterFunc(ctx, func() { server.Close() })
	return sink, nil
}

func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readOTLP(r)
	s.mu.Lock()
	if err == nil {
		s.bodies[r.URL.Path] = append(s.bodies[r.URL.Path], body)
	} else if s.failed == nil {
		s.failed = fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err)
	}
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func readOTLP(r *http.Request) ([]byte, error) {
	if !isOTLPPath(r.URL.Path) || r.Header.Get("Content-Type") != "application/x-protobuf" {
		return nil, fmt.Errorf("not OTLP/HTTP protobuf: content type %q", r.Header.Get("Content-Type"))
	}
	reader := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		reader = unzipped
	}
	return io.ReadAll(io.LimitReader(reader, 64<<20))
}

// isOTLPPath knows the paths of the signals, also below another.
func isOTLPPath(path string) bool {
	return strings.HasSuffix(path, tracesPath) || strings.HasSuffix(path, metricsPath) || strings.HasSuffix(path, logsPath)
}

// bodiesOnce waits until `enough` says so of what has come to the path, or the time is over; it returns all of that.
func (s *Sink) bodiesOnce(path string, limit time.Duration, enough func([][]byte) bool) ([][]byte, error) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		bodies, failed := s.bodies[path], s.failed
		s.mu.Unlock()
		if failed != nil || enough(bodies) {
			return bodies, failed
		}
		select {
		case <-s.news:
		case <-deadline.C:
			return bodies, nil
		case <-s.done:
			return bodies, context.Canceled
		}
	}
}

// A Span with the resource and scope it came under.
type Span struct {
	*tracepb.Span
	Resource Attributes
	Scope    string
	Own      Attributes // its attributes
}

// spans decodes request bodies. A TracesData is an ExportTraceServiceRequest on the wire; it has no service with it.
func spans(bodies [][]byte) ([]Span, error) {
	var all []Span
	for _, body := range bodies {
		var request tracepb.TracesData
		if err := proto.Unmarshal(body, &request); err != nil {
			return nil, err
		}
		for _, resource := range request.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, span := range scope.Spans {
					all = append(all, Span{span, attributes(resource.Resource.GetAttributes()), scope.Scope.GetName(), attributes(span.Attributes)})
				}
			}
		}
	}
	return all, nil
}

// A Record of a log, with the scope it came under.
type Record struct {
	*logspb.LogRecord
	Scope string
	Own   Attributes // its attributes
}

// records decodes request bodies, like spans.
func records(bodies [][]byte) ([]Record, error) {
	var all []Record
	for _, body := range bodies {
		var request logspb.LogsData
		if err := proto.Unmarshal(body, &request); err != nil {
			return nil, err
		}
		for _, resource := range request.ResourceLogs {
			for _, scope := range resource.ScopeLogs {
				for _, record := range scope.LogRecords {
					all = append(all, Record{record, scope.Scope.GetName(), attributes(record.Attributes)})
				}
			}
		}
	}
	return all, nil
}

// all is what has come so far, by path.
func (s *Sink) all() (map[string][][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.bodies), s.failed
}

// traces waits like bodiesOnce, for spans by their trace id.
func (s *Sink) traces(limit time.Duration, enough func(map[string][]Span) bool) (map[string][]Span, error) {
	return byTrace(s, tracesPath, limit, spans, func(span Span) []byte { return span.TraceId }, enough)
}

// records waits like bodiesOnce, for log records by the trace they belong to.
func (s *Sink) records(limit time.Duration, enough func(map[string][]Record) bool) (map[string][]Record, error) {
	return byTrace(s, logsPath, limit, records, func(record Record) []byte { return record.TraceId }, enough)
}

func byTrace[Item any](s *Sink, path string, limit time.Duration, decode func([][]byte) ([]Item, error), trace func(Item) []byte,
	enough func(map[string][]Item) bool) (map[string][]Item, error) {
	var traces map[string][]Item
	var broken error
	_, err := s.bodiesOnce(path, limit, func(bodies [][]byte) bool {
		all, err := decode(bodies)
		if err != nil {
			broken = err
			return true
		}
		traces = map[string][]Item{}
		for _, item := range all {
			id := hex.EncodeToString(trace(item))
			traces[id] = append(traces[id], item)
		}
		return enough(traces)
	})
	return traces, errors.Join(err, broken)
}
