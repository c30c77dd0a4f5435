package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// recordSenders writes, for each hook of each application, the bytes it sent because of some errands, all at once.
func recordSenders(ctx context.Context, o checkOptions, captures string) error {
	if len(o.relays) != 1 {
		return errors.New("applications ask one relay proxy")
	}
	dir, err := os.MkdirTemp("", "sender-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	relay, err := startRelayProxy(ctx, dir, relayOptions{
		name: "relayproxy", binary: o.relays[0].path, flags: o.flags,
		endpoint: "http://127.0.0.1:1", env: []string{"OTEL_SDK_DISABLED=true"}, // its own spans are recorded elsewhere
	})
	if err != nil {
		return err
	}
	defer relay.stop(5 * time.Second)
	for _, program := range o.senders {
		program.sources = o.sources
		for _, hook := range program.sender.hooks {
			if err := recordHook(ctx, dir, program, hook, relay.URL, captures); err != nil {
				return fmt.Errorf("%s, %s: %w", program.sender.name, hook.name, err)
			}
		}
	}
	return nil
}

func recordHook(ctx context.Context, dir string, program senderProgram, hook Hook, relay, captures string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sink, err := listenSink(ctx)
	if err != nil {
		return err
	}
	var calls []Call
	for _, errand := range errands {
		switch errand.name {
		case "success", "unknown-flag", "two-flags":
			calls = append(calls, errand.call(newTraceParent()))
		}
	}
	err = program.run(ctx, dir, senderOptions{
		hook: hook.name, relay: relay, endpoint: "http://" + sink.Address,
		env: []string{"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"},
	}, calls)
	if err != nil {
		return err
	}
	// It has ended, and an exporter waits for its answer: everything is here.
	bodies, err := sink.all()
	if err != nil {
		return err
	}
	path, name := tracesPath, program.sender.name+"-"+hook.name+".pb"
	if hook.place == onRecord {
		path, name = logsPath, program.sender.name+"-"+hook.name+"-logs.pb"
	}
	if len(bodies[path]) != 1 {
		return fmt.Errorf("%d requests to %s, not one", len(bodies[path]), path)
	}
	body := anonymous(bodies[path][0], Attributes{}, program.installed, program.sources, pythonHome(program.installed))
	fmt.Printf("%s: %d bytes\n", name, len(body))
	return os.WriteFile(filepath.Join(captures, name), body, 0o644)
}

// pythonHome is where the Python of a virtual environment comes from, whose modules are in the traces of exceptions.
func pythonHome(environment string) string {
	settings, _ := os.ReadFile(filepath.Join(environment, "pyvenv.cfg")) // not there: it is none
	for line := range strings.Lines(string(settings)) {
		if home, is := strings.CutPrefix(line, "home = "); is {
			return filepath.Dir(strings.TrimSpace(home))
		}
	}
	return ""
}
