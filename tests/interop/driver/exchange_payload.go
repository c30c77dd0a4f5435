package main

import (
	"math"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A Signal, and a request of it in which every field that two Collectors hand on is set to something.
// A TracesData is an ExportTraceServiceRequest on the wire, and so on.
type Signal struct {
	name    string
	request func() proto.Message
}

var signals = []Signal{{"traces", tracesRequest}, {"metrics", metricsRequest}, {"logs", logsRequest}}

const (
	begun = 1_700_000_000_123_456_789 // more than a double can hold exactly
	ended = begun + 987_654_321
)

var (
	traceID  = []byte{0x5b, 0x8e, 0xff, 0xf7, 0x98, 0x03, 0x81, 0x03, 0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c}
	spanID   = []byte{0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74}
	parentID = []byte{0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x73}
)

func attribute(key string, value *commonpb.AnyValue) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: value}
}

func textValue(value string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}
}

func intValue(value int64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: value}}
}

func doubleValue(value float64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: value}}
}

// values of every type there is, with the edges of each.
func values() []*commonpb.KeyValue {
	list := &commonpb.ArrayValue{Values: []*commonpb.AnyValue{textValue("a"), intValue(-1), {}}}
	table := &commonpb.KeyValueList{Values: []*commonpb.KeyValue{attribute("nested", textValue("b"))}}
	return []*commonpb.KeyValue{
		attribute("text", textValue("Grüße, 旗 \u0000 \" \\ \u2028")),
		attribute("empty text", textValue("")),
		attribute("yes", &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}),
		attribute("no", &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: false}}),
		attribute("least", intValue(math.MinInt64)),
		attribute("most", intValue(math.MaxInt64)),
		attribute("zero", intValue(0)),
		attribute("double", doubleValue(0.1)),
		attribute("tiny", doubleValue(math.SmallestNonzeroFloat64)),
		attribute("huge", doubleValue(-math.MaxFloat64)),
		attribute("bytes", &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte{0, 0xff, 0xfe, 0x3e, 0x3f}}}),
		attribute("list", &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: list}}),
		attribute("empty list", &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{}}}),
		attribute("table", &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: table}}),
		attribute("empty table", &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{}}}),
	}
}

func resource() *resourcepb.Resource {
	return &resourcepb.Resource{Attributes: []*commonpb.KeyValue{attribute("service.name", textValue("interop"))}, DroppedAttributesCount: 3}
}

func scope() *commonpb.InstrumentationScope {
	return &commonpb.InstrumentationScope{
		Name: "exchange", Version: "1.2.3", DroppedAttributesCount: 4,
		Attributes: []*commonpb.KeyValue{attribute("scope", textValue("c"))},
	}
}

func tracesRequest() proto.Message {
	span := &tracepb.Span{
		TraceId: traceID, SpanId: spanID, ParentSpanId: parentID, TraceState: "vendor=1,other=2", Flags: 0x301,
		Name: "GET /flags", Kind: tracepb.Span_SPAN_KIND_CONSUMER, StartTimeUnixNano: begun, EndTimeUnixNano: ended,
		Attributes: values(), DroppedAttributesCount: 1, DroppedEventsCount: 2, DroppedLinksCount: 3,
		Events: []*tracepb.Span_Event{{TimeUnixNano: begun, Name: "event", Attributes: values(), DroppedAttributesCount: 5}},
		Links:  []*tracepb.Span_Link{{TraceId: traceID, SpanId: parentID, TraceState: "x=y", Flags: 0x100, Attributes: values(), DroppedAttributesCount: 6}},
		Status: &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: "broken"},
	}
	root := &tracepb.Span{TraceId: traceID, SpanId: parentID, Name: "root", StartTimeUnixNano: begun, EndTimeUnixNano: ended, Status: &tracepb.Status{}}
	return &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: resource(), SchemaUrl: "https://opentelemetry.io/schemas/1.37.0",
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: scope(), SchemaUrl: "https://opentelemetry.io/schemas/1.36.0", Spans: []*tracepb.Span{span, root}}},
	}}}
}

func logsRequest() proto.Message {
	table := &commonpb.KeyValueList{Values: values()}
	records := []*logspb.LogRecord{
		{
			TimeUnixNano: begun, ObservedTimeUnixNano: ended, SeverityNumber: logspb.SeverityNumber_SEVERITY_NUMBER_FATAL4, SeverityText: "FATAL",
			Body: &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: table}}, Attributes: values(),
			DroppedAttributesCount: 7, Flags: 1, TraceId: traceID, SpanId: spanID, EventName: "feature_flag.evaluation",
		},
		{ObservedTimeUnixNano: ended, Body: textValue("nothing else")},
	}
	return &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{{
		Resource: resource(), SchemaUrl: "https://opentelemetry.io/schemas/1.37.0",
		ScopeLogs: []*logspb.ScopeLogs{{Scope: scope(), SchemaUrl: "https://opentelemetry.io/schemas/1.36.0", LogRecords: records}},
	}}}
}

func metricsRequest() proto.Message {
	exemplars := []*metricspb.Exemplar{
		{FilteredAttributes: values(), TimeUnixNano: begun, Value: &metricspb.Exemplar_AsInt{AsInt: math.MinInt64}, SpanId: spanID, TraceId: traceID},
		{TimeUnixNano: begun, Value: &metricspb.Exemplar_AsDouble{AsDouble: 0.25}},
	}
	numbers := []*metricspb.NumberDataPoint{
		{Attributes: values(), StartTimeUnixNano: begun, TimeUnixNano: ended, Value: &metricspb.NumberDataPoint_AsInt{AsInt: math.MaxInt64}, Exemplars: exemplars, Flags: 1},
		{TimeUnixNano: ended, Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: math.Inf(-1)}},
		{TimeUnixNano: ended, Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: math.NaN()}},
	}
	some := func(value float64) *float64 { return &value }
	histogram := &metricspb.HistogramDataPoint{
		Attributes: values(), StartTimeUnixNano: begun, TimeUnixNano: ended, Count: math.MaxUint64, Sum: some(1.5), BucketCounts: []uint64{1, 2, math.MaxUint64 - 3},
		ExplicitBounds: []float64{-1, 2.5}, Exemplars: exemplars, Flags: 1, Min: some(-2), Max: some(0),
	}
	exponential := &metricspb.ExponentialHistogramDataPoint{
		Attributes: values(), StartTimeUnixNano: begun, TimeUnixNano: ended, Count: 10, Sum: some(-1), Scale: -3, ZeroCount: 2,
		Positive: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: -5, BucketCounts: []uint64{1, 0, 7}},
		Negative: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: 4, BucketCounts: []uint64{3}},
		Flags:    1, Exemplars: exemplars, Min: some(-9), Max: some(9), ZeroThreshold: 0.125,
	}
	summary := &metricspb.SummaryDataPoint{
		Attributes: values(), StartTimeUnixNano: begun, TimeUnixNano: ended, Count: 3, Sum: 4.5, Flags: 1,
		QuantileValues: []*metricspb.SummaryDataPoint_ValueAtQuantile{{Quantile: 0.99, Value: 12.5}, {Quantile: 1, Value: math.Inf(1)}},
	}
	cumulative := metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
	metrics := []*metricspb.Metric{
		{Name: "gauge", Description: "d", Unit: "By", Metadata: values(), Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: numbers}}},
		{Name: "sum", Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{DataPoints: numbers, AggregationTemporality: cumulative, IsMonotonic: true}}},
		{Name: "histogram", Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{DataPoints: []*metricspb.HistogramDataPoint{histogram}, AggregationTemporality: cumulative}}},
		{Name: "exponential", Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{DataPoints: []*metricspb.ExponentialHistogramDataPoint{exponential}, AggregationTemporality: cumulative}}},
		{Name: "summary", Data: &metricspb.Metric_Summary{Summary: &metricspb.Summary{DataPoints: []*metricspb.SummaryDataPoint{summary}}}},
	}
	return &metricspb.MetricsData{ResourceMetrics: []*metricspb.ResourceMetrics{{
		Resource: resource(), SchemaUrl: "https://opentelemetry.io/schemas/1.37.0",
		ScopeMetrics: []*metricspb.ScopeMetrics{{Scope: scope(), SchemaUrl: "https://opentelemetry.io/schemas/1.36.0", Metrics: metrics}},
	}}}
}
