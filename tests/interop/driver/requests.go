package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"
)

// A Request asks the relay proxy something. Each makes it send exactly two spans: the SERVER span of its web
// framework, and below that one of its own.
type Request struct {
	Name string
	Path string
	Body string
}

const (
	ofrepBeta  = `{"context":{"targetingKey":"user-10","beta":true}}`
	ofrepPlain = `{"context":{"targetingKey":"user-46"}}`
	v1Beta     = `{"evaluationContext":{"key":"user-10","custom":{"beta":true}},"defaultValue":false}`
	v1Plain    = `{"evaluationContext":{"key":"user-46","custom":{}},"defaultValue":false}`

	// What an in-process provider reports later: evaluations, but none of them names a trace.
	collected = `{"meta":{"provider":"interop"},"events":[{"kind":"feature","contextKind":"user","userKey":"user-10",` +
		`"creationDate":1767225600,"key":"banner-color","variation":"crimson","value":"#dc143c","default":false}]}`
)

var requests = []Request{
	{"ofrep-success", "/ofrep/v1/evaluate/flags/new-checkout", ofrepBeta},
	{"ofrep-split", "/ofrep/v1/evaluate/flags/new-checkout", ofrepPlain},
	{"ofrep-static", "/ofrep/v1/evaluate/flags/banner-color", ofrepPlain},
	{"ofrep-unknown-flag", "/ofrep/v1/evaluate/flags/ghost", ofrepPlain},
	{"ofrep-unknown-flag-escaped", "/ofrep/v1/evaluate/flags/ghost%20of%2Fflags", ofrepPlain},
	{"ofrep-bad-context", "/ofrep/v1/evaluate/flags/new-checkout", `{"context":{}}`},
	{"ofrep-disabled-flag", "/ofrep/v1/evaluate/flags/old-search", ofrepPlain},
	{"ofrep-bulk", "/ofrep/v1/evaluate/flags", ofrepPlain},
	{"v1-success", "/v1/feature/new-checkout/eval", v1Beta},
	{"v1-split", "/v1/feature/new-checkout/eval", v1Plain},
	{"v1-static", "/v1/feature/banner-color/eval", v1Plain},
	{"v1-unknown-flag", "/v1/feature/ghost/eval", v1Plain},
	{"v1-disabled-flag", "/v1/feature/old-search/eval", v1Plain},
	{"v1-allflags", "/v1/allflags", v1Plain},
	{"v1-data-collector", "/v1/data/collector", collected},
}

// TraceParent is the caller that a request claims to come from.
type TraceParent struct {
	Trace string // 32 hex digits
	Span  string // 16 hex digits
}

func newTraceParent() TraceParent {
	id := make([]byte, 24)
	rand.Read(id) // never fails: it ends the program instead
	return TraceParent{Trace: hex.EncodeToString(id[:16]), Span: hex.EncodeToString(id[16:])}
}

var client = http.Client{Timeout: 10 * time.Second}

// send returns the status and the body of the relay proxy's answer.
func (r Request) send(ctx context.Context, relay string, parent TraceParent) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, relay+r.Path, bytes.NewBufferString(r.Body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("traceparent", fmt.Sprintf("00-%s-%s-01", parent.Trace, parent.Span))
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, string(body), err
}
