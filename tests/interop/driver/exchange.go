package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

// A Wire is one way to speak OTLP. A Collector speaks it to burgee, and burgee to another Collector:
//
//	the test ─► Collector ─wire─► burgee ─wire─► Collector ─► the test
type Wire struct {
	name        string
	exporter    string // the exporter's type, the same in both programs
	compression string
	encoding    string // of HTTP bodies
	security    security
}

type security int

const (
	plain security = iota
	serverTLS
	mutualTLS
	bearer // a token, over TLS
)

var wires = []Wire{
	{"grpc", "otlp_grpc", "none", "", plain},
	{"grpc gzip", "otlp_grpc", "gzip", "", plain},
	{"grpc zstd", "otlp_grpc", "zstd", "", plain},
	{"grpc gzip tls", "otlp_grpc", "gzip", "", serverTLS},
	{"grpc mtls", "otlp_grpc", "none", "", mutualTLS},
	{"grpc tls bearer", "otlp_grpc", "gzip", "", bearer},
	{"http", "otlp_http", "none", "proto", plain},
	{"http gzip", "otlp_http", "gzip", "proto", plain},
	{"http zstd", "otlp_http", "zstd", "proto", plain},
	{"http deflate", "otlp_http", "deflate", "proto", plain},
	{"http gzip tls", "otlp_http", "gzip", "proto", serverTLS},
	{"http mtls", "otlp_http", "none", "proto", mutualTLS},
	{"http tls bearer", "otlp_http", "gzip", "proto", bearer},
	{"json", "otlp_http", "none", "json", plain},
	{"json gzip", "otlp_http", "gzip", "json", plain},
	{"json zstd", "otlp_http", "zstd", "json", plain},
	{"json gzip tls", "otlp_http", "gzip", "json", serverTLS},
}

// path of what went over the wire, at the sink.
func (w Wire) path(signal string) string {
	return "/" + w.id() + "/v1/" + signal
}

func (w Wire) id() string { return strings.ReplaceAll(w.name, " ", "-") }

// exchange sends one request of each signal over each wire, and compares what comes out with what went in.
func exchange(ctx context.Context, dir, collector, burgee string, tally *Tally) error {
	dir = filepath.Join(dir, "exchange")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	certificates, err := makeCertificates(dir)
	if err != nil {
		return err
	}
	sink, err := listenSink(ctx)
	if err != nil {
		return err
	}
	entry, middle, exit := map[string]int{}, map[string]int{}, map[string]int{}
	for _, wire := range wires {
		for _, ports := range []map[string]int{entry, middle, exit} {
			if ports[wire.name], err = freePort(); err != nil {
				return err
			}
		}
	}
	stations := []struct {
		name, binary string
		config       string
		ports        map[string]int
	}{
		// from right to left, so that each has somebody to send to
		{"collector-behind", collector, behind(exit, sink.Address, certificates), exit},
		{"burgee-between", burgee, between(middle, exit, certificates), middle},
		{"collector-in-front", collector, inFront(entry, middle, certificates), entry},
	}
	for _, station := range stations {
		config := filepath.Join(dir, station.name+".yaml")
		if err := os.WriteFile(config, []byte(station.config), 0o600); err != nil {
			return err
		}
		process, err := start(dir, station.name, station.binary, []string{"--config", config}, os.Environ())
		if err != nil {
			return err
		}
		defer process.stop(stopLimit)
		for _, wire := range wires {
			if err := process.ready(ctx, startLimit, accepts(loopback(station.ports[wire.name]))); err != nil {
				return err
			}
		}
	}
	for _, wire := range wires {
		for _, signal := range signals {
			wrong := wire.exchange(ctx, signal, loopback(entry[wire.name]), sink)
			tally.count("Collector ─ burgee ─ Collector, "+wire.name, wrong, signal.name+" arrive as they were sent")
		}
	}
	return nil
}

func (w Wire) exchange(ctx context.Context, signal Signal, entry string, sink *Sink) (wrong complaints) {
	sent := signal.request()
	body, err := proto.Marshal(sent)
	if err != nil {
		wrong.add("%v", err)
		return wrong
	}
	if err := post(ctx, "http://"+entry+"/v1/"+signal.name, body); err != nil {
		wrong.add("the Collector in front could not hand it on: %v", err)
		return wrong
	}
	bodies, err := sink.bodiesOnce(w.path(signal.name), arrivalLimit, func(bodies [][]byte) bool { return len(bodies) > 0 })
	if err != nil {
		wrong.add("%v", err)
		return wrong
	}
	if len(bodies) != 1 {
		wrong.add("%d requests arrived, not one", len(bodies))
		return wrong
	}
	received := sent.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(bodies[0], received); err != nil {
		wrong.add("%v", err)
		return wrong
	}
	if !proto.Equal(sent, received) {
		wrong.add("what arrived differs:\n%s", firstDifference(prototext.Format(sent), prototext.Format(received)))
	}
	return wrong
}

// firstDifference shows the first lines that are not alike.
func firstDifference(sent, received string) string {
	a, b := strings.Split(sent, "\n"), strings.Split(received, "\n")
	for i := range min(len(a), len(b)) {
		// the package varies its spacing, so that nobody relies on it
		if strings.Join(strings.Fields(a[i]), " ") != strings.Join(strings.Fields(b[i]), " ") {
			return fmt.Sprintf("       line %d, sent     %s\n       line %d, received %s", i+1, a[i], i+1, b[i])
		}
	}
	return fmt.Sprintf("       %d lines sent, %d received", len(a), len(b))
}

// post retries what was refused for now: a connection between the programs may still be on its way.
func post(ctx context.Context, url string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, arrivalLimit)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/x-protobuf")
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		answer, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
		response.Body.Close()
		switch {
		case err != nil:
			return err
		case response.StatusCode == http.StatusOK:
			return nil
		case response.StatusCode != http.StatusServiceUnavailable:
			return fmt.Errorf("%s: %q", response.Status, answer)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("still %s: %q", response.Status, answer)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
