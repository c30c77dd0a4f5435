package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A RelayProxy is GO Feature Flag's, running with our three flags.
type RelayProxy struct {
	*Process
	URL string
}

// What differs from one start of the relay proxy to the next.
type relayOptions struct {
	name     string
	binary   string
	flags    string   // path of the flag file
	endpoint string   // openTelemetryOtlpEndpoint
	env      []string // on top of an otherwise empty environment
	extra    string   // more lines of YAML
}

// Each option twice: until v1.45 they stood at the top, since then under `server`. Health is asked on the
// monitoring port, which is not traced, so that no span comes from us waiting.
const relayConfig = `listen: %[1]d
monitoringPort: %[2]d
server:
  host: 127.0.0.1
  port: %[1]d
  monitoringPort: %[2]d
hideBanner: true
pollingInterval: 60000
retrievers:
  - kind: file
    path: %[3]s
openTelemetryOtlpEndpoint: %[4]s
%[5]s`

func startRelayProxy(ctx context.Context, dir string, o relayOptions) (*RelayProxy, error) {
	var port, monitoring int
	if err := freePorts(&port, &monitoring); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, o.name+".yaml")
	text := fmt.Sprintf(relayConfig, port, monitoring, o.flags, o.endpoint, o.extra)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	env := append([]string{"PATH=/usr/bin:/bin", "HOME=" + dir, "USER=relay"}, o.env...)
	process, err := start(dir, o.name, o.binary, []string{"--config", config}, env)
	if err != nil {
		return nil, err
	}
	if err := process.ready(ctx, 30*time.Second, answersOK(fmt.Sprintf("http://127.0.0.1:%d/health", monitoring))); err != nil {
		process.stop(time.Second)
		return nil, err
	}
	relay := &RelayProxy{Process: process, URL: fmt.Sprintf("http://127.0.0.1:%d", port)}
	if err := process.ready(ctx, 30*time.Second, accepts(strings.TrimPrefix(relay.URL, "http://"))); err != nil {
		process.stop(time.Second)
		return nil, err
	}
	return relay, nil
}
