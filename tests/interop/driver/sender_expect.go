package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// An Errand is one request to an application, and the flags that it asks for because of it.
type Errand struct {
	name  string
	user  string // the targeting key
	beta  bool
	flags []Flag
}

// A Flag that is asked for, and what the relay proxy answers. The default is what it answers with, too, if it fails.
type Flag struct {
	key             string
	fallback        any
	variant, reason string // "" where it has none
	relay           string // the request to the relay proxy that this is, without its API: see requests.go
}

// A Call is an errand as its sender gets it.
type Call struct {
	TraceParent string         `json:"traceparent"`
	Context     map[string]any `json:"context"`
	Flags       []flagCalled   `json:"flags"`
}

type flagCalled struct {
	Key      string `json:"key"`
	Fallback any    `json:"default"`
}

const (
	// Nothing that leaves burgee may have this in it, since it is told to hash the ids of contexts,
	private = "@example.com"
	// nor this, with which it does.
	hashKey = "0b7e6d5c4a39281706f5e4d3c2b1a098"
)

var (
	checkoutByRule = Flag{"new-checkout", false, "on", "targeting_match", "success"}
	// Ben is one of the 20 % who get "on".
	checkoutBySplit = Flag{"new-checkout", false, "on", "split", "split"}
	banner          = Flag{"banner-color", "white", "crimson", "static", "static"}
	switchedOff     = Flag{"old-search", false, "", "disabled", "disabled-flag"}
	unknown         = Flag{"ghost", false, "", "error", "unknown-flag"}
)

// Of different users, since providers keep answers.
var errands = []Errand{
	{"success", "ada" + private, true, []Flag{checkoutByRule}},
	{"split", "ben" + private, false, []Flag{checkoutBySplit}},
	{"static", "dora" + private, false, []Flag{banner}},
	{"disabled-flag", "ben" + private, false, []Flag{switchedOff}},
	{"unknown-flag", "ben" + private, false, []Flag{unknown}},
	{"two-flags", "cleo" + private, true, []Flag{checkoutByRule, banner}},
}

func (e Errand) call(parent TraceParent) Call {
	call := Call{TraceParent: "00-" + parent.Trace + "-" + parent.Span + "-01", Context: map[string]any{"targetingKey": e.user}}
	if e.beta {
		call.Context["beta"] = true
	}
	for _, flag := range e.flags {
		call.Flags = append(call.Flags, flagCalled{flag.key, flag.fallback})
	}
	return call
}

// spans is how many arrive because of it: two of the application; for each flag one of the call, two of the relay
// proxy, and perhaps one of the hook.
func (e Errand) spans(hook Hook) int {
	each := 3
	if hook.place == onSpan {
		each++
	}
	return 2 + each*len(e.flags)
}

// records is how many log records arrive because of it.
func (e Errand) records(s Sender, hook Hook, relay Version) int {
	if hook.place != onRecord {
		return 0
	}
	count := 0
	for _, flag := range e.flags {
		count += len(s.told(hook, e.user, flag, relay))
	}
	return count
}

// Told is an event, a span or a log record that a hook wrote because of one evaluation, as it must arrive.
type Told struct {
	name string
	all  Attributes // all but those that begin with `exception.`, which are the language's own
}

// told is what the hook writes because of an evaluation, in that order.
func (s Sender) told(hook Hook, user string, flag Flag, relay Version) []Told {
	const evaluation, exception = "feature_flag.evaluation", "exception"
	kind, message := s.failure(flag, relay)
	switch {
	case hook.place == onEarlyEvent && kind == "":
		variant := earlyVariant(flag)
		return []Told{{"feature_flag", Attributes{
			"feature_flag.key": flag.key, "feature_flag.result.variant": variant, "feature_flag.provider.name": s.provider,
			"feature_flag.variant": variant, "feature_flag.provider_name": s.provider,
		}}}
	case hook.place == onEarlyEvent:
		return []Told{{exception, Attributes{}}}
	case kind == "":
		return []Told{{evaluation, Attributes{
			"feature_flag.key": flag.key, "feature_flag.result.variant": flag.variant, "feature_flag.result.reason": flag.reason,
			"feature_flag.provider.name": s.provider, "feature_flag.context.id": hashed(user),
		}}}
	}
	thrown := Attributes{
		"feature_flag.key": flag.key, "feature_flag.result.reason": "error", "feature_flag.result.value": fmt.Sprint(flag.fallback),
		"feature_flag.provider.name": s.provider, "feature_flag.error.message": message,
	}
	failed := Told{evaluation, thrown.with(Attributes{
		"error.type": kind, "error.message": message, "feature_flag.context.id": hashed(user),
	})}
	if !s.keyOnException {
		thrown = Attributes{}
	}
	return []Told{{exception, thrown}, failed}
}

// failure of an evaluation in the eyes of the application: its type and message; two empty strings if it succeeded.
func (s Sender) failure(flag Flag, relay Version) (kind, message string) {
	switch {
	case flag.reason == "error":
		return "flag_not_found", "Error while evaluating the flag: " + flag.key
	case flag.reason == "disabled" && s.mismatch != nil:
		return "type_mismatch", s.mismatch(relay)
	}
	return "", ""
}

// hashed is the id of a context as it leaves burgee.
func hashed(user string) string {
	mac := hmac.New(sha256.New, []byte(hashKey))
	mac.Write([]byte(user))
	return "h:" + hex.EncodeToString(mac.Sum(nil))[:16]
}

// earlyVariant: the first hooks wrote the value where there is no variant.
func earlyVariant(flag Flag) string {
	if flag.variant == "" {
		return fmt.Sprint(flag.fallback)
	}
	return flag.variant
}

// carrier is what burgee writes on the span during which the flags were evaluated; ancestor, on the one above it.
func (s Sender) carrier(hook Hook, errand Errand, relay Version) Attributes {
	all := s.ancestor(hook, errand.flags, relay)
	if len(errand.flags) > 1 || hook.place == onSpan || hook.place == onRecord {
		return all
	}
	for _, told := range s.told(hook, errand.user, errand.flags[0], relay) {
		for _, name := range []string{"feature_flag.key", "feature_flag.result.variant", "feature_flag.result.reason", "feature_flag.provider.name"} {
			if value, known := told.all[name]; known {
				all[name] = value
			}
		}
	}
	return all
}

func (s Sender) ancestor(hook Hook, flags []Flag, relay Version) Attributes {
	all := Attributes{}
	for _, flag := range flags {
		kind, _ := s.failure(flag, relay)
		switch {
		case hook.place == onRecord: // nothing crosses signals
		case kind == "" && hook.place == onEarlyEvent:
			all["feature_flags."+flag.key] = earlyVariant(flag)
		case kind == "":
			all["feature_flags."+flag.key] = flag.variant
		case hook.place != onEarlyEvent: // an exception without a key says nothing of a flag
			all["burgee.flag.error."+flag.key] = kind
		}
	}
	return all
}

// called is what is known on the CLIENT span of the call to the relay proxy, whose answer is in another request.
func (s Sender) called(flag Flag) Attributes {
	all := Attributes{"feature_flag.key": flag.key, "burgee.flag.key.source": "url"}
	if s.errorOn404 && flag.reason == "error" {
		all["error.type"] = "404" // the call's own
	}
	return all
}
