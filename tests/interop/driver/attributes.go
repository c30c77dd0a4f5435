package main

import (
	"fmt"
	"sort"
	"strings"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
)

// Attributes by key; values as text, whatever their type.
type Attributes map[string]string

func attributes(pairs []*commonpb.KeyValue) Attributes {
	all := Attributes{}
	for _, pair := range pairs {
		value := text(pair.Value)
		if earlier, twice := all[pair.Key]; twice {
			value = fmt.Sprintf("twice: %s and %s", earlier, value)
		}
		all[pair.Key] = value
	}
	return all
}

func text(value *commonpb.AnyValue) string {
	switch value := value.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return value.StringValue
	case *commonpb.AnyValue_BoolValue:
		return fmt.Sprint(value.BoolValue)
	case *commonpb.AnyValue_IntValue:
		return fmt.Sprint(value.IntValue)
	case *commonpb.AnyValue_DoubleValue:
		return fmt.Sprint(value.DoubleValue)
	case nil:
		return "(empty)"
	default:
		return fmt.Sprint(value)
	}
}

func (a Attributes) String() string {
	var lines []string
	for key, value := range a {
		lines = append(lines, fmt.Sprintf("%s=%q", key, value))
	}
	sort.Strings(lines)
	return "{" + strings.Join(lines, " ") + "}"
}
