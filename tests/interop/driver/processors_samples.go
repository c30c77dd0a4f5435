package main

import (
	"sort"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// A Sample is one request of a signal that has something of everything in it.
type Sample struct {
	signal string
	body   []byte
	groups func(bodies [][]byte) ([]string, error) // the resource groups of requests as texts, sorted
}

func samples() []Sample {
	return []Sample{
		{"traces", marshal(sampleTraces()), groupsOf(func() message { return &tracepb.TracesData{} })},
		{"metrics", marshal(sampleMetrics()), groupsOf(func() message { return &metricspb.MetricsData{} })},
		{"logs", marshal(sampleLogs()), groupsOf(func() message { return &logspb.LogsData{} })},
	}
}

type message = proto.Message

func marshal(m message) []byte {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err) // it is made below
	}
	return body
}

// groupsOf decodes requests; how they were merged or split on the way makes no difference.
func groupsOf(empty func() message) func([][]byte) ([]string, error) {
	return func(bodies [][]byte) ([]string, error) {
		var groups []string
		for _, body := range bodies {
			request := empty()
			if err := proto.Unmarshal(body, request); err != nil {
				return nil, err
			}
			reflected := request.ProtoReflect()
			list := reflected.Get(reflected.Descriptor().Fields().ByNumber(1)).List()
			for at := range list.Len() {
				group := list.Get(at).Message().Interface()
				text, err := protojson.Marshal(group)
				if err != nil {
					return nil, err
				}
				// what protojson does not show, the bytes do; its spaces are random on purpose
				groups = append(groups, compact(text)+" "+string(marshal(group)))
			}
		}
		sort.Strings(groups)
		return groups, nil
	}
}

func compact(json []byte) string {
	var out []byte
	inText, escaped := false, false
	for _, letter := range json {
		if !inText && letter == ' ' {
			continue
		}
		if letter == '"' && !escaped {
			inText = !inText
		}
		escaped = letter == '\\' && !escaped
		out = append(out, letter)
	}
	return string(out)
}

// sampleAttributes have a value of every kind.
func sampleAttributes() []*commonpb.KeyValue {
	list := &commonpb.ArrayValue{Values: []*commonpb.AnyValue{textValue("x"), intValue(1)}}
	pairs := &commonpb.KeyValueList{Values: []*commonpb.KeyValue{attribute("inner", textValue("<&>"))}}
	return []*commonpb.KeyValue{
		attribute("text", textValue("Grüße, 世界 \"quoted\" \\ and\nmore")),
		attribute("int", intValue(-9007199254740993)),
		attribute("double", &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: 0.1}}),
		attribute("bool", &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}),
		attribute("bytes", &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte{0xff, 0, 0xfb}}}),
		attribute("list", &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: list}}),
		attribute("map", &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: pairs}}),
		attribute("http.route", textValue("/health")),
	}
}

func sampleResource(name string) *resourcepb.Resource {
	return &resourcepb.Resource{
		Attributes:             []*commonpb.KeyValue{attribute("service.name", textValue(name)), attribute("host.name", textValue("h1"))},
		DroppedAttributesCount: 3,
	}
}

func sampleScope() *commonpb.InstrumentationScope {
	return &commonpb.InstrumentationScope{Name: "lib", Version: "1.2", Attributes: []*commonpb.KeyValue{attribute("a", intValue(1))}, DroppedAttributesCount: 1}
}

func id(length int, seed byte) []byte {
	bytes := make([]byte, length)
	for at := range bytes {
		seed = seed*137 + 41
		bytes[at] = seed
	}
	return bytes
}

func sampleTraces() *tracepb.TracesData {
	group := func(service string, seed byte) *tracepb.ResourceSpans {
		var spans []*tracepb.Span
		for number := range byte(20) {
			spans = append(spans, &tracepb.Span{
				TraceId: id(16, seed+number), SpanId: id(8, seed+number), ParentSpanId: id(8, seed+number+1), TraceState: "vendor=1",
				Flags: 0x101, Name: "GET /" + service, Kind: tracepb.Span_SpanKind(number % 6),
				StartTimeUnixNano: 1_700_000_000_123_456_789, EndTimeUnixNano: 1_700_000_000_223_456_789,
				Attributes: sampleAttributes(), DroppedAttributesCount: 1,
				Events: []*tracepb.Span_Event{{TimeUnixNano: 1_700_000_000_200_000_000, Name: "exception",
					Attributes: sampleAttributes(), DroppedAttributesCount: 2}},
				DroppedEventsCount: 4,
				Links: []*tracepb.Span_Link{{TraceId: id(16, 99), SpanId: id(8, 99), TraceState: "a=b",
					Attributes: sampleAttributes(), DroppedAttributesCount: 5, Flags: 0x300}},
				DroppedLinksCount: 6,
				Status:            &tracepb.Status{Message: "no", Code: tracepb.Status_StatusCode(number % 3)},
			})
		}
		return &tracepb.ResourceSpans{Resource: sampleResource(service), SchemaUrl: "https://schema/1",
			ScopeSpans: []*tracepb.ScopeSpans{{Scope: sampleScope(), Spans: spans, SchemaUrl: "https://schema/2"}}}
	}
	return &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{group("shop", 7), group("pay", 77)}}
}

func sampleLogs() *logspb.LogsData {
	var records []*logspb.LogRecord
	for number := range byte(20) {
		records = append(records, &logspb.LogRecord{
			TimeUnixNano: 1_700_000_000_123_456_789, ObservedTimeUnixNano: 1_700_000_000_123_456_790,
			SeverityNumber: logspb.SeverityNumber(number + 1), SeverityText: "WARN", Body: sampleAttributes()[number%8].Value,
			Attributes: sampleAttributes(), DroppedAttributesCount: 1, Flags: 1, TraceId: id(16, number), SpanId: id(8, number),
			EventName: "checkout",
		})
	}
	return &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{{Resource: sampleResource("shop"), SchemaUrl: "https://schema/1",
		ScopeLogs: []*logspb.ScopeLogs{{Scope: sampleScope(), LogRecords: records, SchemaUrl: "https://schema/2"}}}}}
}

func sampleMetrics() *metricspb.MetricsData {
	const start, now = 1_700_000_000_000_000_000, 1_700_000_010_000_000_000
	sum, least, most := 12.5, 0.25, 8.0
	exemplar := []*metricspb.Exemplar{{FilteredAttributes: sampleAttributes(), TimeUnixNano: now, TraceId: id(16, 3), SpanId: id(8, 3),
		Value: &metricspb.Exemplar_AsDouble{AsDouble: 0.5}}}
	number := func(value any) []*metricspb.NumberDataPoint {
		point := &metricspb.NumberDataPoint{Attributes: sampleAttributes(), StartTimeUnixNano: start, TimeUnixNano: now, Exemplars: exemplar}
		switch value := value.(type) {
		case int64:
			point.Value = &metricspb.NumberDataPoint_AsInt{AsInt: value}
		case float64:
			point.Value = &metricspb.NumberDataPoint_AsDouble{AsDouble: value}
		}
		return []*metricspb.NumberDataPoint{point, {TimeUnixNano: now, Flags: 1, Attributes: []*commonpb.KeyValue{attribute("env", textValue("dev"))}}}
	}
	const delta, cumulative = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA, metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
	metrics := []*metricspb.Metric{
		{Name: "go_gauge", Description: "d", Unit: "1", Metadata: []*commonpb.KeyValue{attribute("m", intValue(1))},
			Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: number(0.75)}}},
		{Name: "sum", Unit: "By", Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{DataPoints: number(int64(-5)), AggregationTemporality: delta, IsMonotonic: true}}},
		{Name: "histogram", Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{AggregationTemporality: cumulative,
			DataPoints: []*metricspb.HistogramDataPoint{{Attributes: sampleAttributes(), StartTimeUnixNano: start, TimeUnixNano: now, Count: 3, Sum: &sum,
				BucketCounts: []uint64{1, 2}, ExplicitBounds: []float64{5}, Exemplars: exemplar, Min: &least, Max: &most}}}}},
		{Name: "exponential", Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{AggregationTemporality: delta,
			DataPoints: []*metricspb.ExponentialHistogramDataPoint{{Attributes: sampleAttributes(), StartTimeUnixNano: start, TimeUnixNano: now, Count: 4, Sum: &sum,
				Scale: -2, ZeroCount: 1, ZeroThreshold: 0.001, Min: &least, Max: &most,
				Positive: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: -3, BucketCounts: []uint64{1, 0, 1}},
				Negative: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: 2, BucketCounts: []uint64{1}}}}}}},
		{Name: "summary", Data: &metricspb.Metric_Summary{Summary: &metricspb.Summary{DataPoints: []*metricspb.SummaryDataPoint{{
			Attributes: sampleAttributes(), StartTimeUnixNano: start, TimeUnixNano: now, Count: 2, Sum: 3,
			QuantileValues: []*metricspb.SummaryDataPoint_ValueAtQuantile{{Quantile: 0.5, Value: 1.5}}}}}}},
	}
	return &metricspb.MetricsData{ResourceMetrics: []*metricspb.ResourceMetrics{{Resource: sampleResource("shop"), SchemaUrl: "https://schema/1",
		ScopeMetrics: []*metricspb.ScopeMetrics{{Scope: sampleScope(), Metrics: metrics, SchemaUrl: "https://schema/2"}}}}}
}
