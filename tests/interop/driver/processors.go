package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// processorConfigs are sections of processors that burgee and the Collector both have, in YAML's flow style. What the two make of
// the samples has to be the same.
var processorConfigs = []struct{ name, config string }{
	{"attributes", `{actions: [{key: text, action: hash}, {key: int, action: hash}, {key: double, action: hash}, {key: bool, action: hash},
      {key: list, action: hash}, {key: new, value: 1.5, action: insert}, {key: int, value: x, action: insert}, {key: copied, from_attribute: map, action: upsert},
      {key: http.route, pattern: "^/(?P<first>[a-z]+)$", action: extract}, {pattern: "^b", action: delete}]}`},
	{"attributes/conversions", `{actions: [{key: int, action: convert, converted_type: double}, {key: double, action: convert, converted_type: string},
      {key: bool, action: convert, converted_type: int}, {key: list, action: convert, converted_type: string}, {key: map, action: convert, converted_type: string},
      {key: bytes, action: convert, converted_type: string}, {key: nested, value: {a: [1, x, true]}, action: upsert}]}`},
	{"resource", `{attributes: [{key: env, value: prod, action: insert}, {key: service.name, action: hash}, {key: host.name, action: delete}]}`},
	{"filter", `{error_mode: ignore, traces: {span: ['kind == SPAN_KIND_SERVER and attributes["http.route"] == "/health"', 'name == "GET /pay" and status.code == STATUS_CODE_ERROR',
      'IsMatch(attributes["list"], "x") and kind.string == "Client"', 'attributes["int"] > 1.5 or attributes["no"] >= nil and kind == 5'],
      spanevent: ['resource.attributes["service.name"] == "pay"']},
      metrics: {metric: ['IsMatch(name, "^go_")', 'HasAttrKeyOnDatapoint("env") and type == METRIC_DATA_TYPE_GAUGE'], datapoint: ['attributes["env"] == "dev"']},
      logs: {log_record: ['severity_number < SEVERITY_NUMBER_INFO', 'IsMatch(body, "inner")', 'body == nil or body == true']}}`},
	{"filter/newer", `{error_mode: ignore, trace_conditions: ['span.kind == 1 or span.kind == 3', 'resource.attributes["service.name"] == "none"'],
      metric_conditions: ['datapoint.attributes["env"] == "dev" and metric.name == "sum"'], log_conditions: ['log.attributes["int"] < 0 and log.severity_number >= 12']}`},
	{"probabilistic_sampler", `{sampling_percentage: 40}`},
	{"probabilistic_sampler/proportional", `{sampling_percentage: 40, mode: proportional, sampling_priority: int}`},
	{"probabilistic_sampler/equalizing", `{sampling_percentage: 33.3, mode: equalizing, sampling_precision: 6}`},
	{"probabilistic_sampler/hash", `{sampling_percentage: 40, hash_seed: 22}`},
	{"probabilistic_sampler/record", `{sampling_percentage: 60, attribute_source: record, from_attribute: text, sampling_priority: int}`},
}

// checkProcessors gives burgee and the Collector the same processor and the same requests, and compares what they make of them.
func checkProcessors(ctx context.Context, dir, collector, burgee string, tally *Tally) error {
	for number, processor := range processorConfigs {
		folder := filepath.Join(dir, fmt.Sprintf("processor-%d", number))
		if err := os.Mkdir(folder, 0o700); err != nil {
			return err
		}
		var wrong complaints
		got, err := processed(ctx, folder, "burgee", burgee, processor.name, processor.config)
		if err == nil {
			var want map[string][]string
			if want, err = processed(ctx, folder, "collector", collector, processor.name, processor.config); err == nil {
				for _, sample := range samples() {
					wrong.compareGroups(sample.signal, got[sample.signal], want[sample.signal])
				}
			}
		}
		if err != nil {
			wrong.add("%v", err)
		}
		tally.count("processor "+processor.name, wrong, "burgee makes of it what the Collector does")
	}
	return nil
}

// processed is what a program makes of the samples, as sorted groups by path. Requests are sent one after the other and each waits for
// what comes of it; one that is dropped as a whole shows by what comes after it.
func processed(ctx context.Context, dir, program, binary, name, config string) (map[string][]string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sink, err := listenSink(ctx)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	all := samples()
	if strings.HasPrefix(name, "probabilistic_sampler") {
		// data points have no trace ids
		all = []Sample{all[0], all[2]}
	}
	path := filepath.Join(dir, program+".yaml")
	if err := os.WriteFile(path, []byte(processing(program, name, config, port, sink.Address, all)), 0o600); err != nil {
		return nil, err
	}
	process, err := start(dir, program, binary, []string{"--config", path}, os.Environ())
	if err != nil {
		return nil, err
	}
	defer process.stop(stopLimit)
	if err := process.ready(ctx, startLimit, accepts(loopback(port))); err != nil {
		return nil, err
	}
	for _, sample := range all {
		if err := post(ctx, "http://"+loopback(port)+"/v1/"+sample.signal, sample.body); err != nil {
			return nil, err
		}
	}
	// ending it sends everything it has
	if err := process.stop(stopLimit); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", program, err, process.lastWords())
	}
	groups := map[string][]string{}
	for _, sample := range all {
		bodies, err := sink.bodiesOnce("/v1/"+sample.signal, 0, func([][]byte) bool { return true })
		if err != nil {
			return nil, err
		}
		if groups[sample.signal], err = sample.groups(bodies); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// processing is a configuration with one processor for the signals of these samples.
func processing(program, name, config string, port int, sink string, all []Sample) string {
	extensions := ""
	if program == "burgee" {
		// its admin service would want a fixed port
		extensions = "extensions: {admin: {endpoint: \"127.0.0.1:0\"}}\n"
	}
	pipelines := ""
	for _, sample := range all {
		pipelines += fmt.Sprintf("    %s: {receivers: [otlp], processors: [%s], exporters: [otlp_http]}\n", sample.signal, name)
	}
	service := when(extensions != "", "  extensions: [admin]\n") + "  telemetry: {metrics: {level: none}}\n  pipelines:\n" + pipelines
	return fmt.Sprintf("receivers: {otlp: {protocols: {http: {endpoint: %s}}}}\nprocessors: {%s: %s}\nexporters: {otlp_http: {endpoint: %s, compression: none}}\n%sservice:\n%s",
		quoted(loopback(port)), name, config, quoted("http://"+sink), extensions, service)
}

func when(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

func (c *complaints) compareGroups(signal string, got, want []string) {
	if len(got) != len(want) {
		c.add("%s: %d groups arrived of %d", signal, len(got), len(want))
		return
	}
	for at := range want {
		if got[at] != want[at] {
			from := 0
			for from < min(len(got[at]), len(want[at])) && got[at][from] == want[at][from] {
				from++
			}
			shown := func(text string) string {
				return text[max(0, from-100):min(len(text), from+200)]
			}
			c.add("%s: group %d differs at %d\n     expected …%q…\n     found    …%q…", signal, at, from, shown(want[at]), shown(got[at]))
		}
	}
}
