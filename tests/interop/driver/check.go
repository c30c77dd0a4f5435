package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// A Lane is one way from the relay proxy to burgee.
type Lane struct {
	name string
	port func(Burgee) int
	env  []string
}

// The relay proxy speaks HTTP unless told otherwise, and its documentation sends that to either port.
// Over HTTP it is told nothing but `openTelemetryOtlpEndpoint`.
var lanes = []Lane{
	{"http/protobuf to the HTTP port", Burgee.httpPort, nil},
	{"http/protobuf to the gRPC port", Burgee.grpcPort, nil},
	{"grpc to the gRPC port", Burgee.grpcPort, []string{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}},
	{"grpc to the HTTP port", Burgee.httpPort, []string{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}},
}

const (
	startLimit   = 30 * time.Second
	arrivalLimit = 30 * time.Second // the relay proxy sends every 5 seconds
	stopLimit    = 15 * time.Second
)

// A Tally of cases; each is printed when it is known.
type Tally struct{ passed, failed, skipped int }

func (t *Tally) skip(reason string) {
	t.skipped++
	fmt.Printf("SKIP %s\n", reason)
}

func (t *Tally) count(name string, wrong []string, line string) {
	verdict := "PASS"
	if len(wrong) == 0 {
		t.passed++
	} else {
		t.failed++
		verdict = "FAIL"
	}
	fmt.Printf("%s %s: %s\n", verdict, name, line)
	for _, reason := range wrong {
		fmt.Printf("     %s\n", reason)
	}
}

// check sends every request through relay proxy, burgee and Collector, in every lane, and looks at what comes out.
func check(ctx context.Context, dir string, o checkOptions, tally *Tally) error {
	sink, err := listenSink(ctx)
	if err != nil {
		return err
	}
	collector, address, err := startCollector(ctx, dir, o.collector, o.collectorConfig, sink)
	if err != nil {
		return err
	}
	defer collector.stop(stopLimit)
	burgee, err := startBurgee(ctx, dir, "burgee", o.burgee, o.burgeeConfig, address)
	if err != nil {
		return err
	}
	defer burgee.stop(stopLimit) // a second time is harmless
	discreet, err := startBurgee(ctx, dir, "burgee-senders", o.burgee, o.sendersConfig, address)
	if err != nil {
		return err
	}
	defer discreet.stop(stopLimit)

	var sent Sent
	for _, relay := range o.relays {
		more, err := checkRelayProxy(ctx, dir, relay, o.flags, burgee, sink, tally)
		if err != nil {
			return fmt.Errorf("relay proxy %s: %w", relay.version, err)
		}
		sent.add(more)
		if more, err = checkSenders(ctx, dir, relay, o, discreet, sink, tally); err != nil {
			return err
		}
		sent.add(more)
	}
	for _, reason := range o.skips {
		tally.skip(reason)
	}
	for _, process := range []Burgee{burgee, discreet} {
		if err := checkHealth(ctx, o.burgee, process, tally); err != nil {
			return err
		}
		var wrong complaints
		if err := process.stop(stopLimit); err != nil {
			wrong.add("%v\n%s", err, process.lastWords())
		}
		tally.count(process.name+" on SIGTERM", wrong, "drains and exits with 0")
	}
	return checkAll(sink, discreet, sent, tally)
}

// checkRelayProxy sends every request to it, in every lane.
func checkRelayProxy(ctx context.Context, dir string, relay relayBinary, flags string, burgee Burgee, sink *Sink, tally *Tally) (Sent, error) {
	var sent Sent
	for _, lane := range lanes {
		more, err := lane.check(ctx, dir, relay, flags, burgee, sink, tally)
		if err != nil {
			return sent, fmt.Errorf("%s: %w", lane.name, err)
		}
		sent.spans += more
	}
	if relay.version.exportsSpans() {
		if err := checkExporter(ctx, dir, relay, flags, burgee, sink, tally); err != nil {
			return sent, fmt.Errorf("its exporter: %w", err)
		}
		sent.spans += 3
	}
	return sent, nil
}

// checkAll looks once more at what came in the whole run, now that burgee has ended.
func checkAll(sink *Sink, discreet Burgee, sent Sent, tally *Tally) error {
	bodies, err := sink.all()
	if err != nil {
		return err
	}
	spans, err := spans(bodies[tracesPath])
	if err != nil {
		return err
	}
	records, err := records(bodies[logsPath])
	if err != nil {
		return err
	}
	var wrong complaints
	if received := (Sent{len(spans), len(records)}); received != sent {
		wrong.add("not everything arrived once")
	}
	tally.count("all", wrong, fmt.Sprintf("%d spans and %d records sent, %d and %d received, %d spans enriched",
		sent.spans, sent.records, len(spans), len(records), countEnriched(spans)))

	log, err := os.ReadFile(discreet.log)
	if err != nil {
		return err
	}
	wrong = nil
	looked := append(slices.Concat(bodies[tracesPath], bodies[logsPath]), log)
	for _, secret := range []string{private, hashKey} {
		for _, text := range looked {
			if bytes.Contains(text, []byte(secret)) {
				wrong.add("%q is in what came downstream, or in burgee's log", secret)
				break
			}
		}
	}
	tally.count("context_id: hash", wrong, fmt.Sprintf("no targeting key and no hash key in %d requests and the log", len(looked)-1))
	return nil
}

// check runs one relay proxy and returns how many spans it sent.
func (lane Lane) check(ctx context.Context, dir string, relay relayBinary, flags string, burgee Burgee, sink *Sink, tally *Tally) (int, error) {
	proxy, err := startRelayProxy(ctx, dir, relayOptions{
		name: "relayproxy", binary: relay.path, flags: flags, env: lane.env,
		endpoint: fmt.Sprintf("http://127.0.0.1:%d", lane.port(burgee)),
	})
	if err != nil {
		return 0, err
	}
	defer proxy.stop(stopLimit)

	parents, statuses, sent := map[string]TraceParent{}, map[string]int{}, 0
	for _, request := range requests {
		parent := newTraceParent()
		status, _, err := request.send(ctx, proxy.URL, parent)
		if err != nil {
			return sent, err
		}
		parents[request.Name], statuses[request.Name] = parent, status
		sent += expectation(request.Name, relay.version).spans()
	}
	traces, err := sink.traces(arrivalLimit, func(traces map[string][]Span) bool {
		for _, request := range requests {
			if len(traces[parents[request.Name].Trace]) < expectation(request.Name, relay.version).spans() {
				return false
			}
		}
		return true
	})
	if err != nil {
		return sent, err
	}
	for _, request := range requests {
		expected, received := expectation(request.Name, relay.version), traces[parents[request.Name].Trace]
		wrong := expected.differences(parents[request.Name], relay.version, statuses[request.Name], received)
		tally.count(fmt.Sprintf("%s, %s, %s", relay.version, lane.name, request.Name), wrong,
			fmt.Sprintf("%d spans sent, %d received, %d enriched", expected.spans(), len(received), countEnriched(received)))
	}
	return sent, nil
}

// differences between what should have arrived and what has, in words.
func (e Expectation) differences(parent TraceParent, version Version, status int, received []Span) []string {
	var wrong []string
	complain := func(format string, arguments ...any) { wrong = append(wrong, fmt.Sprintf(format, arguments...)) }
	if status != e.Status {
		complain("the relay proxy answered %d, not %d", status, e.Status)
	}
	if len(received) != e.spans() {
		complain("%d spans of trace %s arrived, not %d", len(received), parent.Trace, e.spans())
	}
	server, inner := find(received, tracepb.Span_SPAN_KIND_SERVER), find(received, tracepb.Span_SPAN_KIND_INTERNAL)
	if server == nil {
		complain("no SERVER span")
		return wrong
	}
	for _, span := range received {
		if span.Resource["service.name"] != "go-feature-flag" || "v"+span.Resource["service.version"] != version.String() {
			complain("%s: its resource is of %s %s", span.Name, span.Resource["service.name"], span.Resource["service.version"])
		}
	}
	if hex.EncodeToString(server.ParentSpanId) != parent.Span {
		complain("the SERVER span's parent is %x, not the caller's %s", server.ParentSpanId, parent.Span)
	}
	if server.Own["http.route"] == "" {
		complain("the SERVER span lost http.route")
	}
	if got := server.Own.written(); !maps.Equal(got, e.Server) {
		complain("SERVER span:\n       want %s\n       got  %s", e.Server, got)
	}
	if e.InnerName == "" {
		return wrong
	}
	if inner == nil || inner.Name != e.InnerName {
		complain("no span named %s", e.InnerName)
		return wrong
	}
	if string(inner.ParentSpanId) != string(server.SpanId) {
		complain("%s is not below the SERVER span", inner.Name)
	}
	if _, there := inner.Own[e.Original]; e.Original != "" && !there {
		complain("%s lost %s", inner.Name, e.Original)
	}
	if got := inner.Own.written(); !maps.Equal(got, e.Inner) {
		complain("%s:\n       want %s\n       got  %s", inner.Name, e.Inner, got)
	}
	return wrong
}

// checkExporter: the relay proxy's own exporter makes a span of every evaluation, in a trace of its own.
func checkExporter(ctx context.Context, dir string, relay relayBinary, flags string, burgee Burgee, sink *Sink, tally *Tally) error {
	proxy, err := startRelayProxy(ctx, dir, relayOptions{
		name: "relayproxy", binary: relay.path, flags: flags, extra: spanExporter,
		endpoint: fmt.Sprintf("http://127.0.0.1:%d", burgee.httpPort()),
	})
	if err != nil {
		return err
	}
	defer proxy.stop(stopLimit)
	if _, _, err := requestNamed("ofrep-success").send(ctx, proxy.URL, newTraceParent()); err != nil {
		return err
	}
	exported := func(traces map[string][]Span) *Span {
		for _, trace := range traces {
			for _, span := range trace {
				if span.Name == "feature_flag.evaluate" {
					return &span
				}
			}
		}
		return nil
	}
	traces, err := sink.traces(arrivalLimit, func(traces map[string][]Span) bool { return exported(traces) != nil })
	if err != nil {
		return err
	}
	var wrong []string
	received := 0
	if span := exported(traces); span == nil {
		wrong = append(wrong, "no span named feature_flag.evaluate")
	} else {
		received = 1
		for key, value := range evaluated("new-checkout", "on", "").with(Attributes{"feature_flag.version": "3.1.0", "feature_flag.context.id": "user-10"}) {
			if value != "" && span.Own[key] != value {
				wrong = append(wrong, fmt.Sprintf("%s is %q, not %q", key, span.Own[key], value))
			}
		}
	}
	tally.count(fmt.Sprintf("%s, its exporter", relay.version), wrong, fmt.Sprintf("1 span sent, %d received", received))
	return nil
}

func find(received []Span, kind tracepb.Span_SpanKind) *Span {
	for _, span := range received {
		if span.Kind == kind {
			return &span
		}
	}
	return nil
}

func countEnriched(received []Span) int {
	enriched := 0
	for _, span := range received {
		if len(span.Own.written()) > 0 {
			enriched++
		}
	}
	return enriched
}

type checkOptions struct {
	relays, patients           relayProxies
	flags                      string
	senders                    senderPrograms
	sources                    string
	skips                      []string
	burgee                     string
	burgeeConfig               string
	sendersConfig              string
	doctorConfig               string
	collector, collectorConfig string
}

func runCheck(ctx context.Context, o checkOptions) error {
	return tallied(func(dir string, tally *Tally) error {
		if err := check(ctx, dir, o, tally); err != nil {
			return err
		}
		if err := checkDoctor(ctx, dir, o, tally); err != nil {
			return err
		}
		return checkCollectors(ctx, dir, o, tally)
	})
}

// runExchange is the part of runCheck that needs no relay proxy.
func runExchange(ctx context.Context, o checkOptions) error {
	return tallied(func(dir string, tally *Tally) error { return checkCollectors(ctx, dir, o, tally) })
}

// checkCollectors looks at burgee between two Collectors, and beside one.
func checkCollectors(ctx context.Context, dir string, o checkOptions, tally *Tally) error {
	if err := exchange(ctx, dir, o.collector, o.burgee, tally); err != nil {
		return err
	}
	return checkProcessors(ctx, dir, o.collector, o.burgee, tally)
}

// tallied gives the cases a folder, which stays if one of them failed, and sums them up.
func tallied(cases func(dir string, tally *Tally) error) error {
	dir, err := os.MkdirTemp("", "burgee-interop-")
	if err != nil {
		return err
	}
	var tally Tally
	if err := cases(dir, &tally); err != nil {
		fmt.Printf("FAIL %v\n", err)
		tally.failed++
	}
	if tally.failed == 0 {
		os.RemoveAll(dir)
	} else {
		fmt.Printf("configurations and logs are in %s\n", dir)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", tally.passed, tally.failed, tally.skipped)
	if tally.failed > 0 {
		return errFailed
	}
	return nil
}
