package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// What is worth keeping of each version; the other requests only differ in the flag.
var recorded = []string{
	"ofrep-success", "ofrep-unknown-flag", "ofrep-unknown-flag-escaped", "ofrep-bad-context", "ofrep-disabled-flag", "ofrep-bulk",
	"v1-success", "v1-unknown-flag", "v1-disabled-flag", "v1-allflags", "v1-data-collector",
}

// The exporter of v1.50 and later that makes a span of every evaluation.
const spanExporter = "exporters:\n  - kind: opentelemetry\n    flushInterval: 100\n"

// record writes, for each request, the bytes that a real relay proxy sent because of it, and a table about them.
func record(ctx context.Context, relay relayBinary, flags, captures string) error {
	dir, err := os.MkdirTemp("", "relay-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, name := range recorded {
		request := requestNamed(name)
		body, err := recordOne(ctx, dir, relayOptions{name: "relayproxy", binary: relay.path, flags: flags}, request, expectation(name, relay.version).spans())
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := save(captures, relay.version, name, request.Path, body); err != nil {
			return err
		}
	}
	if !relay.version.exportsSpans() {
		return nil
	}
	// The exporter's span is not part of the request's trace and is sent when the exporter gets to it: three spans.
	request := requestNamed("ofrep-success")
	exporting := relayOptions{name: "relayproxy", binary: relay.path, flags: flags, extra: spanExporter}
	body, err := recordOne(ctx, dir, exporting, request, 3)
	if err != nil {
		return fmt.Errorf("exporter-opentelemetry: %w", err)
	}
	return save(captures, relay.version, "exporter-opentelemetry", request.Path, body)
}

// recordOne starts a relay proxy of its own for one request, so that nothing else is in what it sends.
func recordOne(ctx context.Context, dir string, options relayOptions, request Request, count int) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sink, err := listenSink(ctx)
	if err != nil {
		return nil, err
	}
	options.endpoint = "http://" + sink.Address
	options.env = []string{"OTEL_BSP_SCHEDULE_DELAY=500"}
	relay, err := startRelayProxy(ctx, dir, options)
	if err != nil {
		return nil, err
	}
	defer relay.stop(5 * time.Second)
	if _, _, err := request.send(ctx, relay.URL, newTraceParent()); err != nil {
		return nil, err
	}
	bodies, err := sink.bodiesOnce(tracesPath, 10*time.Second, func(bodies [][]byte) bool { return len(bodies) > 0 })
	if err != nil {
		return nil, err
	}
	all, err := spans(bodies)
	if err != nil {
		return nil, err
	}
	if len(bodies) != 1 || len(all) != count {
		return nil, fmt.Errorf("%d spans in %d requests, not %d in one; try again", len(all), len(bodies), count)
	}
	return anonymous(bodies[0], all[0].Resource), nil
}

// anonymous replaces what would name the recording machine by as many neutral characters: no length changes, so
// every other byte stays as its sender encoded it. record.sh sees to the host's name.
func anonymous(body []byte, resource Attributes, paths ...string) []byte {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease") // not there: not Linux, and nothing to hide
	for _, name := range append(paths, resource["container.id"], strings.TrimSpace(string(kernel))) {
		if len(name) > 4 {
			body = bytes.ReplaceAll(body, []byte(name), bytes.Repeat([]byte("0"), len(name)))
		}
	}
	return body
}

func save(captures string, version Version, name, path string, body []byte) error {
	file := fmt.Sprintf("relayproxy-%s-%s.pb", version, name)
	all, err := spans([][]byte{body})
	if err != nil {
		return err
	}
	var names []string
	for _, span := range all {
		names = append(names, "`"+span.Name+"`")
	}
	fmt.Printf("| `%s` | `POST %s` | %s |\n", file, path, strings.Join(names, ", "))
	return os.WriteFile(filepath.Join(captures, file), body, 0o644)
}

func requestNamed(name string) Request {
	for _, request := range requests {
		if request.Name == name {
			return request
		}
	}
	panic("no request is named " + name)
}
