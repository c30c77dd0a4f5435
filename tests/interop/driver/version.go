package main

import (
	"fmt"
	"strings"
)

// A Version of the relay proxy, and what changed in its spans over time.
type Version struct {
	text         string
	minor, patch int
}

func parseVersion(text string) (Version, error) {
	v := Version{text: text}
	if _, err := fmt.Sscanf(text, "1.%d.%d", &v.minor, &v.patch); err != nil {
		return v, fmt.Errorf("relay proxy version %q is not 1.x.y: %w", text, err)
	}
	return v, nil
}

func (v Version) String() string { return "v" + v.text }

// Until then a context without a targeting key was refused before the evaluation had a span.
func (v Version) evaluatesWithoutKey() bool { return v.minor >= 49 }

// Since then `POST /v1/feature/…/eval` names a flag set, also when none is configured.
func (v Version) namesFlagSet() bool { return v.minor >= 46 }

// Since then a switched off flag has no value over OFREP; until then it had a text.
func (v Version) answersNil() bool { return v.minor >= 50 }

// Since then there is an exporter that makes a span of every evaluation.
func (v Version) exportsSpans() bool { return v.minor >= 50 }

// parseRelayProxies reads "1.49.0=/path/to/relayproxy" as often as it comes.
type relayProxies []relayBinary

type relayBinary struct {
	version Version
	path    string
}

func (r *relayProxies) String() string { return fmt.Sprint(*r) }

func (r *relayProxies) Set(text string) error {
	number, path, found := strings.Cut(text, "=")
	if !found {
		return fmt.Errorf("%q is not VERSION=BINARY", text)
	}
	version, err := parseVersion(number)
	if err != nil {
		return err
	}
	*r = append(*r, relayBinary{version, path})
	return nil
}
