package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Sender is an application that evaluates flags with one generation of SDKs: a program of ../senders. It makes two
// spans of each request, the second below the first, and asks the flag service while it is in the second.
type Sender struct {
	name     string
	hooks    []Hook
	api      string // which of the relay proxy's: "ofrep" or "v1"
	provider string // the name that its provider gives itself

	// Its provider takes the relay proxy's answer for a switched off flag for a value of the wrong type, and says so.
	mismatch func(Version) string

	// The event that tells of an exception names the flag.
	keyOnException bool

	// Its HTTP instrumentation calls an answer of 404 an error.
	errorOn404 bool
}

// A Hook of OpenFeature, and where it puts an evaluation.
type Hook struct {
	name  string
	place place
}

type place int

const (
	// onEarlyEvent is a span event with the names of 2022: key, variant and provider. The variant is the value, if there
	// is none. Of a failed evaluation it says nothing; an event `exception` does, without a key.
	onEarlyEvent place = iota
	onEvent            // a span event with all there is to say
	onSpan             // the same on a span of its own
	onRecord           // the same on a log record
)

var senders = []Sender{
	{
		name: "python-hooks-0.2.0", hooks: []Hook{{"TracingHook", onEarlyEvent}},
		api: "v1", provider: "GO Feature Flag",
	},
	{
		name: "python-hooks-0.3.1", hooks: []Hook{{"TracingHook", onEvent}},
		api: "ofrep", provider: "OpenFeature Remote Evaluation Protocol Provider", keyOnException: true, errorOn404: true,
		mismatch: func(relay Version) string {
			if relay.answersNil() {
				return "Expected type <class 'bool'> but got <class 'NoneType'>"
			}
			return "Expected type <class 'bool'> but got <class 'str'>"
		},
	},
	{
		name: "node-hooks-0.4.0", hooks: []Hook{{"TracingHook", onEarlyEvent}},
		api: "v1", provider: "GoFeatureFlagProvider",
	},
	{
		name: "node-hooks-1.0.0", hooks: []Hook{{"SpanEventHook", onEvent}, {"SpanHook", onSpan}, {"EventHook", onRecord}},
		api: "ofrep", provider: "OpenFeature Remote Evaluation Protocol Server",
		mismatch: func(relay Version) string {
			if relay.answersNil() {
				return "Expected flag type boolean but got object"
			}
			return "Expected flag type boolean but got string"
		},
	},
}

// What every sender is told to do.
type senderOptions struct {
	hook     string
	relay    string // where it asks for flags
	endpoint string // where it sends telemetry
	env      []string
}

// run lets the sender answer a request for each case and waits for its end.
func (p senderProgram) run(ctx context.Context, dir string, o senderOptions, calls []Call) error {
	var arguments []string
	for _, call := range calls {
		text, err := json.Marshal(call)
		if err != nil {
			return err
		}
		arguments = append(arguments, string(text))
	}
	// What ends a program flushes; until then nothing is sent, so that a signal is one request.
	env := append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir,
		"HOOK=" + o.hook, "RELAY_PROXY=" + o.relay,
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + o.endpoint, "OTEL_SERVICE_NAME=shop",
		"OTEL_BSP_SCHEDULE_DELAY=60000", "OTEL_BLRP_SCHEDULE_DELAY=60000",
		"OTEL_METRICS_EXPORTER=none", "OTEL_NODE_RESOURCE_DETECTORS=env",
	}, o.env...)
	binary, arguments, env := p.command(arguments, env)
	process, err := start(dir, p.sender.name, binary, arguments, env)
	if err != nil {
		return err
	}
	return process.end(ctx, senderLimit)
}

// command is the interpreter with the sender's sources, and its installed packages.
func (p senderProgram) command(arguments, env []string) (string, []string, []string) {
	own := filepath.Join(p.sources, p.sender.name)
	if strings.HasPrefix(p.sender.name, "node-") {
		all := append([]string{filepath.Join(p.sources, "sender.js"), own}, arguments...)
		return "node", all, append(env, "NODE_PATH="+filepath.Join(p.installed, "node_modules"))
	}
	all := append([]string{"-B", filepath.Join(p.sources, "sender.py"), own}, arguments...)
	return filepath.Join(p.installed, "bin", "python"), all, env
}

type senderProgram struct {
	sender    Sender
	installed string // install.sh says what that is
	sources   string
}

// senderPrograms reads "python-hooks-0.3.1=/where/it/is/installed" as often as it comes.
type senderPrograms []senderProgram

func (s *senderPrograms) String() string { return fmt.Sprint(len(*s)) }

func (s *senderPrograms) Set(text string) error {
	name, installed, _ := strings.Cut(text, "=")
	for _, sender := range senders {
		if sender.name == name {
			*s = append(*s, senderProgram{sender: sender, installed: installed})
			return nil
		}
	}
	return fmt.Errorf("%q is not NAME=FOLDER of a sender that is known here", text)
}
