package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// What an application asks for; each request is answered well. So many that a finding about most of them can be made.
var checkoutCalls = []string{"ofrep-success", "ofrep-split", "ofrep-static", "v1-success", "v1-static"}

const checkoutRounds = 5

// callAsCheckout is an application with tracing: its requests to the relay proxy carry a traceparent, and burgee gets
// its own spans at once, before those of the relay proxy.
func callAsCheckout(ctx context.Context, relayURL string, burgee Burgee) error {
	var all []*tracepb.Span
	for range checkoutRounds {
		for _, name := range checkoutCalls {
			spans, err := checkout(ctx, requestNamed(name), relayURL)
			if err != nil {
				return err
			}
			all = append(all, spans...)
		}
	}
	scope := &tracepb.ScopeSpans{Scope: &commonpb.InstrumentationScope{Name: "checkout"}, Spans: all}
	data := &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{
			attribute("service.name", textValue("checkout-api")),
			attribute("service.version", textValue("2.7.1")),
			attribute("service.instance.id", textValue("9b1ff0c1-6f5f-4ad4-8a30-5c3f0a3f6a11")),
			attribute("telemetry.sdk.language", textValue("go")),
			attribute("telemetry.sdk.name", textValue("opentelemetry")),
			attribute("telemetry.sdk.version", textValue("1.45.0")),
		}},
		ScopeSpans: []*tracepb.ScopeSpans{scope},
	}}}
	return export(ctx, fmt.Sprintf("http://127.0.0.1:%d%s", burgee.httpPort(), tracesPath), marshal(data))
}

// checkout answers a request of its own: a SERVER span, and a CLIENT span of its call of the relay proxy.
func checkout(ctx context.Context, request Request, relayURL string) ([]*tracepb.Span, error) {
	relay, err := url.Parse(relayURL)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseInt(relay.Port(), 10, 64)
	if err != nil {
		return nil, err
	}
	handled, called := newTraceParent(), newTraceParent()
	called.Trace = handled.Trace
	begin := time.Now()
	status, answer, err := request.send(ctx, relayURL, called)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("%s: the relay proxy answered %d: %s", request.Name, status, answer)
	}
	end := time.Now()
	call := handled.child(called, "POST", tracepb.Span_SPAN_KIND_CLIENT, begin, end)
	call.Attributes = []*commonpb.KeyValue{
		attribute("http.request.method", textValue("POST")),
		attribute("url.full", textValue(relayURL+request.Path)),
		attribute("server.address", textValue(relay.Hostname())),
		attribute("server.port", intValue(port)),
		attribute("http.response.status_code", intValue(int64(status))),
	}
	root := TraceParent{Trace: handled.Trace}.child(handled, "GET /checkout", tracepb.Span_SPAN_KIND_SERVER,
		begin.Add(-time.Millisecond), end.Add(time.Millisecond))
	root.Attributes = []*commonpb.KeyValue{
		attribute("http.request.method", textValue("GET")),
		attribute("http.route", textValue("/checkout")),
		attribute("url.path", textValue("/checkout")),
		attribute("url.scheme", textValue("https")),
		attribute("http.response.status_code", intValue(http.StatusOK)),
	}
	return []*tracepb.Span{root, call}, nil
}

// child is the span with the id of `own`, below the span of `p`, if that names one.
func (p TraceParent) child(own TraceParent, name string, kind tracepb.Span_SpanKind, begin, end time.Time) *tracepb.Span {
	return &tracepb.Span{
		TraceId: bytesOf(own.Trace), SpanId: bytesOf(own.Span), ParentSpanId: bytesOf(p.Span),
		Name: name, Kind: kind, Flags: sampledLocalParent,
		StartTimeUnixNano: uint64(begin.UnixNano()), EndTimeUnixNano: uint64(end.UnixNano()),
	}
}

// The W3C flag "sampled", and the bit that says that it is known whether the parent is remote: it is not.
const sampledLocalParent = 0x101

func bytesOf(digits string) []byte {
	id, err := hex.DecodeString(digits)
	if err != nil {
		panic(err) // newTraceParent made it
	}
	return id
}

// export sends an OTLP/HTTP request as an SDK does.
func export(ctx context.Context, url string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}
