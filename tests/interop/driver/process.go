package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A Process we started, and end.
type Process struct {
	name   string
	log    string
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // valid once exited is closed
}

// start runs a program whose output goes to a file of its name in `dir`, which is also where it runs.
func start(dir, name, binary string, args, env []string) (*Process, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p := &Process{name: name, log: log.Name(), cmd: cmd, exited: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// ready waits until `check` succeeds.
func (p *Process) ready(ctx context.Context, limit time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.exited:
			return fmt.Errorf("%s ended at its start: %v\n%s", p.name, p.err, p.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready after %s: %v\n%s", p.name, limit, err, p.lastWords())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// end waits until the process ends by itself. The error says how, if not with 0 and in time.
func (p *Process) end(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case <-p.exited:
		if p.err != nil {
			return fmt.Errorf("%s: %w\n%s", p.name, p.err, p.lastWords())
		}
		return nil
	case <-ctx.Done():
		p.stop(time.Second) // how it ends now says nothing more
		return fmt.Errorf("%s did not end within %s\n%s", p.name, limit, p.lastWords())
	}
}

// stop asks politely, waits, and kills what does not listen. The error says how the process ended.
func (p *Process) stop(limit time.Duration) error {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		return p.err
	case <-time.After(limit):
		p.cmd.Process.Kill()
		<-p.exited
		return fmt.Errorf("%s did not end within %s of SIGTERM", p.name, limit)
	}
}

func (p *Process) lastWords() string {
	content, _ := os.ReadFile(p.log) // what cannot be read cannot be shown
	lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	return "    " + strings.Join(lines[max(0, len(lines)-20):], "\n    ")
}

// freePort is free now, and none that was given out before. Somebody else could take it before it is used; the test would then say
// so and fail.
func freePort() (int, error) {
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := listener.Addr().(*net.TCPAddr).Port
		listener.Close()
		if !given[port] {
			given[port] = true
			return port, nil
		}
	}
}

// Ports that freePort gave out; one goroutine asks for them.
var given = map[int]bool{}

func freePorts(ports ...*int) error {
	for _, port := range ports {
		free, err := freePort()
		if err != nil {
			return err
		}
		*port = free
	}
	return nil
}

func accepts(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return connection.Close()
	}
}

func answersOK(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, response.Status)
		}
		return nil
	}
}
