package main

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A Sink is an OTLP/HTTP receiver on a free port that keeps what it is sent.
type Sink struct {
	Address string

	done   <-chan struct{} // nobody waits any longer
	mu     sync.Mutex
	bodies [][]byte // ExportTraceServiceRequest as it came, un-gzipped
	failed error
	news   chan struct{}
}

func listenSink(ctx context.Context) (*Sink, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	sink := &Sink{Address: listener.Addr().String(), done: ctx.Done(), news: make(chan struct{}, 1)}
	server := &http.Server{Handler: sink, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	context.AfterFunc(ctx, func() { server.Close() })
	return sink, nil
}

func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readOTLP(r)
	s.mu.Lock()
	if err == nil {
		s.bodies = append(s.bodies, body)
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
	if r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		return nil, fmt.Errorf("not OTLP/HTTP protobuf traces: content type %q", r.Header.Get("Content-Type"))
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

// bodiesOnce waits until `enough` says so of what has come, or the time is over; it returns all that has come.
func (s *Sink) bodiesOnce(limit time.Duration, enough func([][]byte) bool) ([][]byte, error) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		bodies, failed := s.bodies, s.failed
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

func (s *Sink) spans() ([]Span, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return nil, s.failed
	}
	return spans(s.bodies)
}

// traces waits like bodiesOnce, for spans by their trace id.
func (s *Sink) traces(limit time.Duration, enough func(map[string][]Span) bool) (map[string][]Span, error) {
	var traces map[string][]Span
	var broken error
	_, err := s.bodiesOnce(limit, func(bodies [][]byte) bool {
		all, err := spans(bodies)
		if err != nil {
			broken = err
			return true
		}
		traces = map[string][]Span{}
		for _, span := range all {
			id := hex.EncodeToString(span.TraceId)
			traces[id] = append(traces[id], span)
		}
		return enough(traces)
	})
	return traces, errors.Join(err, broken)
}
