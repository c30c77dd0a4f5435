package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// What the doctor must say of a relay proxy, by its version.
type Verdict struct {
	word    string // "connected", "separate" or "nothing"
	finding string // "" for a healthy one
}

// verdict follows from the version of the code, whatever the relay proxy says of itself.
func verdict(version Version) Verdict {
	switch {
	case !version.startsTracing():
		return Verdict{"nothing", "N03"}
	case !version.readsTraceParent():
		return Verdict{"separate", "X01"}
	}
	return Verdict{"connected", ""}
}

// The way of a relay proxy's spans to burgee, and how the doctor names it.
type doctorLane struct {
	Lane
	transport, door string
}

var (
	// What the relay proxy's documentation amounts to.
	asDocumented = doctorLane{lanes[1], "http", "grpc"}
	httpToHTTP   = doctorLane{lanes[0], "http", "http"}
	grpcToGRPC   = doctorLane{lanes[2], "grpc", "grpc"}
)

// A Patient is a relay proxy that the doctor is asked about.
type Patient struct {
	relayBinary
	Verdict
	lane doctorLane
	// An application's calls go before, as they do in real life. Without them all that the doctor has is its own.
	called bool
}

func patient(relay relayBinary) Patient {
	p := Patient{relayBinary: relay, Verdict: verdict(relay.version), lane: httpToHTTP, called: true}
	switch {
	case relay.version.unknown():
		p.called, p.lane = false, grpcToGRPC
	case p.word == "connected":
		p.lane = asDocumented
	}
	return p
}

// checkDoctor lets the doctor look at relay proxies of several versions, each with a burgee of its own.
func checkDoctor(ctx context.Context, dir string, o checkOptions, tally *Tally) error {
	sink, err := listenSink(ctx)
	if err != nil {
		return err
	}
	for _, relay := range o.patients {
		if err := patient(relay).check(ctx, dir, o, sink, tally); err != nil {
			return fmt.Errorf("doctor, relay proxy %s: %w", relay.version, err)
		}
	}
	return nil
}

func (p Patient) check(ctx context.Context, dir string, o checkOptions, sink *Sink, tally *Tally) error {
	burgee, err := startBurgee(ctx, dir, "burgee-doctor-"+p.version.text, o.burgee, o.doctorConfig, sink.Address)
	if err != nil {
		return err
	}
	defer burgee.stop(stopLimit)
	proxy, err := startRelayProxy(ctx, dir, relayOptions{
		name: "relayproxy-doctor-" + p.version.text, binary: p.path, flags: o.flags, env: p.lane.env,
		endpoint: fmt.Sprintf("http://127.0.0.1:%d", p.lane.port(burgee)),
	})
	if err != nil {
		return err
	}
	defer proxy.stop(stopLimit)
	if p.called {
		if err := callAsCheckout(ctx, proxy.URL, burgee); err != nil {
			return err
		}
	}
	if p.called && p.finding != "" {
		if err := p.checkTraffic(ctx, o.burgee, burgee, tally); err != nil {
			return err
		}
	}
	return p.checkProbe(ctx, o.burgee, burgee, proxy.URL, tally)
}

// checkTraffic: the traffic alone tells what is wrong, before anybody probes.
func (p Patient) checkTraffic(ctx context.Context, binary string, burgee Burgee, tally *Tally) error {
	begin := time.Now()
	var diagnosis Diagnosis
	for diagnosis.find(p.finding) == nil && time.Since(begin) < findingLimit {
		var err error
		if diagnosis, err = diagnose(ctx, binary, burgee); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	after := time.Since(begin)
	wrong := append(diagnosis.shape(), p.treatment(diagnosis)...)
	tally.count(fmt.Sprintf("doctor, relay proxy %s, by its traffic", p.version), wrong,
		fmt.Sprintf("%s, %s after the last call", diagnosis.ids(), seconds(after)))
	return nil
}

// checkProbe: the doctor calls the relay proxy itself.
func (p Patient) checkProbe(ctx context.Context, binary string, burgee Burgee, relayURL string, tally *Tally) error {
	diagnosis, err := diagnose(ctx, binary, burgee, "--relay-proxy", relayURL)
	if err != nil {
		return err
	}
	wrong := append(diagnosis.shape(), p.probed(diagnosis, relayURL)...)
	line := diagnosis.ids()
	if p.finding == "" {
		wrong = append(wrong, diagnosis.alarms()...)
	} else {
		wrong = append(wrong, p.treatment(diagnosis)...)
	}
	if diagnosis.RelayProxy != nil {
		line = fmt.Sprintf("%s; %s", diagnosis.RelayProxy, line)
	}
	tally.count(fmt.Sprintf("doctor, relay proxy %s, by a call of its own", p.version), wrong,
		fmt.Sprintf("%s; exit %d after %s", line, diagnosis.exit, seconds(diagnosis.took)))
	return nil
}

// probed is what is wrong with the verdict.
func (p Patient) probed(diagnosis Diagnosis, relayURL string) complaints {
	var wrong complaints
	probe := diagnosis.RelayProxy
	if probe == nil {
		wrong.add("nothing about the relay proxy was said")
		return wrong
	}
	same := func(what, got, want string) {
		if got != want {
			wrong.add("%s is %s, not %s", what, got, want)
		}
	}
	same("url", strings.TrimSuffix(probe.URL, "/"), relayURL)
	same("reachable", fmt.Sprint(probe.Reachable), "true")
	same("version", orNull(probe.Version), p.version.reported())
	same("verdict", probe.Verdict, p.word)
	if !isTraceID(probe.TraceID) {
		wrong.add("trace_id is no trace id: %s", orNull(probe.TraceID))
	}
	switch {
	case p.word != "separate":
		same("other_trace_id", orNull(probe.OtherTraceID), "null")
	case !isTraceID(probe.OtherTraceID) || orNull(probe.OtherTraceID) == orNull(probe.TraceID):
		wrong.add("other_trace_id is not another trace id: %s", orNull(probe.OtherTraceID))
	}
	transport, port := p.lane.transport, p.lane.door
	if p.word == "nothing" {
		transport, port = "null", "null"
	}
	same("transport", orNull(probe.Transport), transport)
	same("port", orNull(probe.Port), port)
	return wrong
}

// treatment is what is wrong with the finding that has to be there, and with its advice.
func (p Patient) treatment(diagnosis Diagnosis) complaints {
	var wrong complaints
	finding := diagnosis.find(p.finding)
	if finding == nil {
		wrong.add("%s was not found", p.finding)
		return wrong
	}
	if finding.Severity == severityInfo {
		wrong.add("%s is only a remark", finding)
	}
	if finding.Resolved != nil {
		wrong.add("%s is resolved", finding)
	}
	if p.word == "nothing" && diagnosis.RelayProxy == nil {
		return wrong // nobody has told its version
	}
	if !advisesUpgrade(finding.Fix) {
		wrong.add("the fix names neither v1.41.2 nor a later version: %s", finding)
	}
	if !p.version.unknown() && !strings.Contains(finding.Evidence+finding.Fix, p.version.text) {
		wrong.add("the version %s is not named: %s", p.version.text, finding)
	}
	return wrong
}

// advisesUpgrade tells whether a version is named from which on the relay proxy reads `traceparent`.
func advisesUpgrade(fix string) bool {
	for _, found := range versionInText.FindAllStringSubmatch(fix, -1) {
		if version, err := parseVersion(found[1]); err == nil && version.readsTraceParent() {
			return true
		}
	}
	return false
}

var (
	versionInText = regexp.MustCompile(`\bv?(1\.\d+\.\d+)\b`)
	traceIDText   = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

func isTraceID(text *string) bool { return text != nil && traceIDText.MatchString(*text) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// A finding shows within ten seconds of its evidence, which takes five to leave the relay proxy; ten times as long means never.
const findingLimit = 150 * time.Second

func runDoctor(ctx context.Context, o checkOptions) error {
	return tallied(func(dir string, tally *Tally) error { return checkDoctor(ctx, dir, o, tally) })
}
