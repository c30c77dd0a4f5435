package main

import (
	"context"
	"fmt"
	"os"
)

// startCollector starts an OpenTelemetry Collector that hands what it receives to the sink; it returns where it listens.
func startCollector(ctx context.Context, dir, binary, config string, sink *Sink) (*Process, string, error) {
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	env := append(os.Environ(), "RECEIVER_ADDRESS="+address, "SINK_ADDRESS="+sink.Address)
	collector, err := start(dir, "collector", binary, []string{"--config", config}, env)
	if err != nil {
		return nil, "", err
	}
	return collector, address, collector.ready(ctx, startLimit, accepts(address))
}

// Burgee between the programs that send and the Collector.
type Burgee struct {
	*Process
	grpc, http, admin int
}

func (b Burgee) grpcPort() int { return b.grpc }
func (b Burgee) httpPort() int { return b.http }

func (b Burgee) adminURL() string { return fmt.Sprintf("http://127.0.0.1:%d", b.admin) }

func startBurgee(ctx context.Context, dir, name, binary, config, downstream string) (Burgee, error) {
	var burgee Burgee
	if err := freePorts(&burgee.grpc, &burgee.http, &burgee.admin); err != nil {
		return burgee, err
	}
	env := append(os.Environ(),
		fmt.Sprintf("GRPC_ADDRESS=127.0.0.1:%d", burgee.grpc),
		fmt.Sprintf("HTTP_ADDRESS=127.0.0.1:%d", burgee.http),
		fmt.Sprintf("ADMIN_ADDRESS=127.0.0.1:%d", burgee.admin),
		"DOWNSTREAM_ADDRESS="+downstream, "HASH_KEY="+hashKey)
	var err error
	if burgee.Process, err = start(dir, name, binary, []string{"run", "--config", config}, env); err != nil {
		return burgee, err
	}
	for _, port := range []int{burgee.grpc, burgee.http, burgee.admin} {
		if err := burgee.ready(ctx, startLimit, accepts(fmt.Sprintf("127.0.0.1:%d", port))); err != nil {
			return burgee, err
		}
	}
	return burgee, nil
}
