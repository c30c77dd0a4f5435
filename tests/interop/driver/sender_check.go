package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

const senderLimit = 60 * time.Second

// senderLanes are the ways from a sender to burgee.
var senderLanes = []Lane{
	{"http/protobuf", Burgee.httpPort, []string{"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}},
	{"grpc and gzip", Burgee.grpcPort, []string{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip"}},
}

// Sent is how much went through burgee.
type Sent struct{ spans, records int }

func (s *Sent) add(more Sent) { s.spans, s.records = s.spans+more.spans, s.records+more.records }

// checkSenders lets every application ask the relay proxy for flags. Both send their telemetry to burgee.
func checkSenders(ctx context.Context, dir string, relay relayBinary, o checkOptions, burgee Burgee, sink *Sink, tally *Tally) (Sent, error) {
	var sent Sent
	// It sends when it has all of one application's evaluations, not every so often: the two spans of one could come
	// in two requests otherwise, and what burgee knows is what is in the same request.
	asked := 0
	for _, errand := range errands {
		asked += len(errand.flags)
	}
	proxy, err := startRelayProxy(ctx, dir, relayOptions{
		name: "relayproxy", binary: relay.path, flags: o.flags,
		env:      []string{fmt.Sprintf("OTEL_BSP_MAX_EXPORT_BATCH_SIZE=%d", 2*asked), "OTEL_BSP_SCHEDULE_DELAY=3600000"},
		endpoint: fmt.Sprintf("http://127.0.0.1:%d", burgee.httpPort()),
	})
	if err != nil {
		return sent, err
	}
	defer proxy.stop(stopLimit)
	for _, program := range o.senders {
		program.sources = o.sources
		for _, hook := range program.sender.hooks {
			for _, lane := range senderLanes {
				run := senderRun{program, hook, lane, relay.version}
				more, err := run.check(ctx, dir, proxy.URL, burgee, sink, tally)
				if err != nil {
					return sent, fmt.Errorf("%s: %w", run, err)
				}
				sent.add(more)
			}
		}
	}
	return sent, nil
}

type senderRun struct {
	program senderProgram
	hook    Hook
	lane    Lane
	relay   Version
}

func (r senderRun) String() string {
	return fmt.Sprintf("%s, %s, %s, relay proxy %s", r.program.sender.name, r.hook.name, r.lane.name, r.relay)
}

func (r senderRun) check(ctx context.Context, dir, relayURL string, burgee Burgee, sink *Sink, tally *Tally) (Sent, error) {
	var sent Sent
	var parents []TraceParent
	var calls []Call
	for _, errand := range errands {
		parent := newTraceParent()
		parents, calls = append(parents, parent), append(calls, errand.call(parent))
		sent.add(Sent{errand.spans(r.hook), errand.records(r.program.sender, r.hook, r.relay)})
	}
	options := senderOptions{
		hook: r.hook.name, relay: relayURL, env: r.lane.env,
		endpoint: fmt.Sprintf("http://127.0.0.1:%d", r.lane.port(burgee)),
	}
	if err := r.program.run(ctx, dir, options, calls); err != nil {
		return sent, err
	}
	records := map[string][]Record{}
	traces, err := sink.traces(arrivalLimit, func(traces map[string][]Span) bool {
		for number, errand := range errands {
			if len(traces[parents[number].Trace]) < errand.spans(r.hook) {
				return false
			}
		}
		return true
	})
	if err == nil {
		records, err = sink.records(arrivalLimit, func(records map[string][]Record) bool {
			for number, errand := range errands {
				if len(records[parents[number].Trace]) < errand.records(r.program.sender, r.hook, r.relay) {
					return false
				}
			}
			return true
		})
	}
	if err != nil {
		return sent, err
	}
	for number, errand := range errands {
		spans, told := traces[parents[number].Trace], records[parents[number].Trace]
		wrong := r.differences(errand, parents[number], spans, told)
		tally.count(fmt.Sprintf("%s, %s", r, errand.name), wrong, fmt.Sprintf("%d spans and %d records sent, %d and %d received, %d spans enriched",
			errand.spans(r.hook), errand.records(r.program.sender, r.hook, r.relay), len(spans), len(told), countEnriched(spans)))
	}
	return sent, nil
}

// differences between what should have arrived because of one errand and what has, in words.
func (r senderRun) differences(errand Errand, parent TraceParent, spans []Span, records []Record) []string {
	sender := r.program.sender
	var wrong complaints
	if len(spans) != errand.spans(r.hook) {
		wrong.add("%d spans of trace %s arrived, not %d", len(spans), parent.Trace, errand.spans(r.hook))
	}
	outer, inner := named(spans, "GET /checkout"), named(spans, "price the cart")
	if len(outer) != 1 || len(inner) != 1 {
		return append(wrong, "the application's two spans did not arrive once each")
	}
	root, carrier := outer[0], inner[0]
	if hex.EncodeToString(root.ParentSpanId) != parent.Span || !carrier.isBelow(root) {
		wrong.add("the application's spans are not below each other and their caller")
	}
	wrong.compare("span "+root.Name, root.Own.written(), sender.ancestor(r.hook, errand.flags, r.relay))
	wrong.compare("span "+carrier.Name, carrier.Own.written(), sender.carrier(r.hook, errand, r.relay))

	var expected []Told
	for _, flag := range errand.flags {
		expected = append(expected, sender.told(r.hook, errand.user, flag, r.relay)...)
		wrong = append(wrong, r.callDifferences(flag, carrier, spans)...)
	}
	switch r.hook.place {
	case onEarlyEvent, onEvent:
		wrong.compareTold("event", events(carrier), expected)
		wrong.compareTold("record", toldByRecords(records), nil)
	case onSpan:
		own := named(spans, "feature_flag.evaluation")
		wrong.compareTold("span", toldBySpans(own, carrier), withoutExceptions(expected))
		wrong.compareTold("event", events(carrier), nil)
	case onRecord:
		wrong.compareTold("record", toldByRecords(records), expected)
		wrong.compareTold("event", events(carrier), nil)
		for _, record := range records {
			if !bytes.Equal(record.SpanId, carrier.SpanId) {
				wrong.add("record %s is not of the span %s", record.EventName, carrier.Name)
			}
		}
	}
	return wrong
}

// callDifferences: the call of the relay proxy and the relay proxy's own two spans.
func (r senderRun) callDifferences(flag Flag, carrier Span, spans []Span) []string {
	var wrong complaints
	call, expected := callOf(flag, spans), expectation(r.program.sender.api+"-"+flag.relay, r.relay)
	if call == nil {
		wrong.add("no CLIENT span of a call about %s", flag.key)
		return wrong
	}
	if !call.isBelow(carrier) {
		wrong.add("the call about %s is not below the span %s", flag.key, carrier.Name)
	}
	wrong.compare("the call about "+flag.key, call.Own.written(), r.program.sender.called(flag))
	for _, server := range spans {
		if server.Kind != tracepb.Span_SPAN_KIND_SERVER || !server.isBelow(*call) {
			continue
		}
		wrong.compare("the relay proxy's span "+server.Name, server.Own.written(), expected.Server)
		for _, evaluation := range spans {
			if evaluation.isBelow(server) {
				wrong.compare("the relay proxy's span "+evaluation.Name, evaluation.Own.written(), expected.Inner)
				return wrong
			}
		}
	}
	wrong.add("the relay proxy's spans about %s are not below the call", flag.key)
	return wrong
}

// callOf is the CLIENT span whose URL names the flag.
func callOf(flag Flag, spans []Span) *Span {
	for _, span := range spans {
		address, _ := url.Parse(span.Own["url.full"] + span.Own["http.url"]) // it has one of them; what is none, has no path
		if span.Kind == tracepb.Span_SPAN_KIND_CLIENT && address != nil && strings.Contains(address.Path+"/", "/"+flag.key+"/") {
			return &span
		}
	}
	return nil
}

// complaints, in words.
type complaints []string

func (c *complaints) add(format string, arguments ...any) {
	*c = append(*c, fmt.Sprintf(format, arguments...))
}

func (c *complaints) compare(what string, got, want Attributes) {
	if !maps.Equal(got, want) {
		c.add("%s:\n       want %s\n       got  %s", what, want, got)
	}
}

func (c *complaints) compareTold(what string, got, want []Told) {
	if len(got) != len(want) {
		c.add("%d %ss, not %d", len(got), what, len(want))
		return
	}
	for number, told := range got {
		if told.name != want[number].name {
			c.add("%s %q, not %q", what, told.name, want[number].name)
		}
		c.compare(what+" "+told.name, told.all, want[number].all)
	}
}

func events(span Span) []Told {
	var all []Told
	for _, event := range span.Events {
		all = append(all, Told{event.Name, attributes(event.Attributes).withoutExceptions()})
	}
	return all
}

func toldBySpans(spans []Span, parent Span) []Told {
	var all []Told
	for _, span := range spans {
		if span.isBelow(parent) {
			all = append(all, Told{span.Name, span.Own})
		}
	}
	return all
}

func toldByRecords(records []Record) []Told {
	var all []Told
	for _, record := range records {
		all = append(all, Told{record.EventName, record.Own.withoutExceptions()})
	}
	return all
}

// withoutExceptions: the hook that makes spans puts an exception on its own span, as an event.
func withoutExceptions(all []Told) []Told {
	var kept []Told
	for _, told := range all {
		if told.name != "exception" {
			kept = append(kept, told)
		}
	}
	return kept
}

func (a Attributes) withoutExceptions() Attributes {
	all := Attributes{}
	for key, value := range a {
		if !strings.HasPrefix(key, "exception.") {
			all[key] = value
		}
	}
	return all
}

func named(spans []Span, name string) []Span {
	var all []Span
	for _, span := range spans {
		if span.Name == name {
			all = append(all, span)
		}
	}
	return all
}

func (s Span) isBelow(parent Span) bool { return bytes.Equal(s.ParentSpanId, parent.SpanId) }
