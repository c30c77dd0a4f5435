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

// Since then tracing is started at all; it was not from v1.23 on, whatever the settings.
func (v Version) startsTracing() bool { return v.minor >= 36 || v.minor < 23 }

// Since then the spans are in the caller's trace; before, each request's are in a trace of their own.
func (v Version) readsTraceParent() bool { return v.minor > 41 || v.minor == 41 && v.patch >= 2 }

// What a build of somebody's own says of its version: "1.40.0-localdev" is the code of v1.40.0 that says so.
const ownBuild = "localdev"

func (v Version) unknown() bool { return strings.HasSuffix(v.text, "-"+ownBuild) }

// reported is the version that the relay proxy itself tells.
func (v Version) reported() string {
	if v.unknown() {
		return ownBuild
	}
	return v.text
}

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
