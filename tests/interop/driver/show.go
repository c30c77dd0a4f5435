package main

import (
	"fmt"
	"os"
	"sort"
)

// show prints what is in a capture.
func show(file string) error {
	body, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	all, err := spans([][]byte{body})
	if err != nil {
		return err
	}
	for number, span := range all {
		if number == 0 {
			fmt.Println("resource")
			printSorted(span.Resource)
		}
		fmt.Printf("%q kind=%d scope=%q status=%d %q\n  trace %x span %x parent %x events=%d\n", span.Name, span.Kind, span.Scope,
			span.Status.GetCode(), span.Status.GetMessage(), span.TraceId, span.SpanId, span.ParentSpanId, len(span.Events))
		printSorted(span.Own)
	}
	return nil
}

func printSorted(attributes Attributes) {
	var keys []string
	for key := range attributes {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		fmt.Printf("    %s = %q\n", key, attributes[key])
	}
}
