// interop drives burgee's interoperability tests: real programs in front of it, a real Collector behind it.
// README.md beside this folder says how to run it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

const usage = `usage:
  interop check  -relayproxy VERSION=BINARY… -flags FILE -sources FOLDER -sender NAME=FOLDER… -skip REASON… \
                 -collector BINARY -collector-config FILE -burgee BINARY -burgee-config FILE -senders-config FILE \
                 -patient VERSION=BINARY… -doctor-config FILE
  interop doctor -patient VERSION=BINARY… -flags FILE -burgee BINARY -doctor-config FILE
  interop exchange -collector BINARY -burgee BINARY
  interop record -relayproxy VERSION=BINARY… -flags FILE -captures FOLDER [-sources FOLDER -sender NAME=FOLDER…]
  interop show FILE
`

// Cases failed, and the reasons have been printed.
var errFailed = errors.New("failed")

func main() {
	// Whatever ends us, be it `| head`, the programs we started end with us.
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer cancel()
	err := run(ctx, os.Args[1:])
	if err != nil && err != errFailed {
		fmt.Fprintln(os.Stderr, "interop:", err)
	}
	if err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) == 0 {
		return errors.New(usage)
	}
	var o checkOptions
	var captures string
	set := flag.NewFlagSet(arguments[0], flag.ContinueOnError)
	set.Var(&o.relays, "relayproxy", "VERSION=BINARY of a relay proxy; may be repeated")
	set.Var(&o.patients, "patient", "VERSION=BINARY of a relay proxy for the doctor, VERSION-localdev if it does not tell its own; may be repeated")
	set.Var(&o.senders, "sender", "NAME=FOLDER where the packages of an application are; may be repeated")
	set.Func("skip", "what is not looked at, and why; may be repeated", func(reason string) error {
		o.skips = append(o.skips, reason)
		return nil
	})
	file(set, &o.sources, "sources", "folder of the applications")
	file(set, &o.flags, "flags", "flag file of the relay proxy")
	file(set, &o.collector, "collector", "OpenTelemetry Collector")
	file(set, &o.collectorConfig, "collector-config", "its configuration")
	file(set, &o.burgee, "burgee", "burgee")
	file(set, &o.burgeeConfig, "burgee-config", "its configuration")
	file(set, &o.sendersConfig, "senders-config", "its configuration for the applications")
	file(set, &o.doctorConfig, "doctor-config", "its configuration for the doctor")
	file(set, &captures, "captures", "folder for what the relay proxy sends")
	if err := set.Parse(arguments[1:]); err != nil {
		return err
	}
	switch arguments[0] {
	case "check":
		return runCheck(ctx, o)
	case "doctor":
		return runDoctor(ctx, o)
	case "exchange":
		return runExchange(ctx, o)
	case "record":
		if len(o.senders) > 0 {
			return recordSenders(ctx, o, captures)
		}
		for _, relay := range o.relays {
			if err := record(ctx, relay, o.flags, captures); err != nil {
				return fmt.Errorf("relay proxy %s: %w", relay.version, err)
			}
		}
		return nil
	case "show":
		return show(set.Arg(0))
	}
	return errors.New(usage)
}

// file is an option with a path, made absolute because the programs run in a folder of their own.
func file(set *flag.FlagSet, path *string, name, meaning string) {
	set.Func(name, meaning, func(text string) (err error) {
		*path, err = filepath.Abs(text)
		return err
	})
}
