package main

import "strings"

// What must arrive downstream because of one request: the rules of burgee's feature_flag processor, by example.
type Expectation struct {
	Status int // of the relay proxy's HTTP answer

	// Everything burgee writes onto the two spans of a request, the SERVER span and the relay proxy's own below it.
	// A span for which nothing stands here must come out as it was sent.
	Server Attributes
	Inner  Attributes

	InnerName string // "" where the relay proxy sends no span of its own
	Original  string // an attribute the inner span was sent with, which must still be there; "" where it has none
}

const provider = "GO Feature Flag"

func expectation(name string, version Version) Expectation {
	const evaluation = "flagEvaluation"
	set, checkout := Attributes{}, Attributes{"feature_flag.version": "3.1.0"}
	if version.namesFlagSet() {
		set["feature_flag.set.id"] = "default"
	}
	switch name {
	case "ofrep-success":
		return Expectation{200, asked("new-checkout", "on", "targeting_match").with(checkout),
			evaluated("new-checkout", "on", "targeting_match").with(checkout), evaluation, "flagEvaluation.flagName"}
	case "ofrep-split":
		return Expectation{200, asked("new-checkout", "on", "split").with(checkout),
			evaluated("new-checkout", "on", "split").with(checkout), evaluation, "flagEvaluation.flagName"}
	case "ofrep-static":
		return Expectation{200, asked("banner-color", "crimson", "static"),
			evaluated("banner-color", "crimson", "static"), evaluation, "flagEvaluation.flagName"}
	case "ofrep-unknown-flag":
		return Expectation{404, askedInVain("ghost", "flag_not_found"), failedUnnamed("ghost", "flag_not_found"), evaluation, ""}
	case "ofrep-unknown-flag-escaped":
		return Expectation{404, askedInVain("ghost of/flags", "flag_not_found"), failedUnnamed("ghost of/flags", "flag_not_found"), evaluation, ""}
	case "ofrep-bad-context":
		if !version.evaluatesWithoutKey() {
			return Expectation{Status: 400, Server: Attributes{"feature_flag.key": "new-checkout", "burgee.flag.key.source": "url"}}
		}
		return Expectation{400, askedInVain("new-checkout", "general"), failedUnnamed("new-checkout", "general"), evaluation, ""}
	case "ofrep-disabled-flag":
		return Expectation{200, asked("old-search", "", "disabled"), defaulted("old-search", "disabled"), evaluation, "flagEvaluation.flagName"}
	case "v1-success":
		return Expectation{200, asked("new-checkout", "on", "targeting_match").with(checkout).with(set),
			evaluated("new-checkout", "on", "targeting_match").with(checkout).with(set), evaluation, "flagEvaluation.flagName"}
	case "v1-split":
		return Expectation{200, asked("new-checkout", "on", "split").with(checkout).with(set),
			evaluated("new-checkout", "on", "split").with(checkout).with(set), evaluation, "flagEvaluation.flagName"}
	case "v1-static":
		return Expectation{200, asked("banner-color", "crimson", "static").with(set),
			evaluated("banner-color", "crimson", "static").with(set), evaluation, "flagEvaluation.flagName"}
	case "v1-disabled-flag":
		return Expectation{200, asked("old-search", "", "disabled").with(set),
			defaulted("old-search", "disabled").with(set).with(Attributes{"feature_flag.result.value": "false"}), evaluation, "flagEvaluation.flagName"}
	case "v1-unknown-flag":
		inner := failed("ghost", "flag_not_found").with(set).
			with(Attributes{"feature_flag.result.value": "false", "burgee.flag.defaulted": "true"})
		return Expectation{200, askedInVain("ghost", "flag_not_found").with(set), inner, evaluation, "flagEvaluation.flagName"}
	case "ofrep-bulk", "v1-allflags":
		return Expectation{200, nil, Attributes{"burgee.flag.bulk.count": "3"}, "AllFlagsState", "AllFlagsState.numberEvaluation"}
	case "v1-data-collector":
		return Expectation{200, nil, nil, "collectEventData", "collectEventData.eventCollectionSize"}
	}
	panic("nothing is expected of " + name)
}

// spans is how many the relay proxy sends for the request.
func (e Expectation) spans() int {
	if e.InnerName == "" {
		return 1
	}
	return 2
}

// On the span that is an evaluation.
func evaluated(key, variant, reason string) Attributes {
	return Attributes{"feature_flag.key": key, "feature_flag.result.variant": variant, "feature_flag.result.reason": reason,
		"feature_flag.provider.name": provider}
}

func defaulted(key, reason string) Attributes {
	return Attributes{"feature_flag.key": key, "feature_flag.result.reason": reason, "feature_flag.provider.name": provider,
		"burgee.flag.defaulted": "true"}
}

func failed(key, kind string) Attributes {
	return Attributes{"feature_flag.key": key, "feature_flag.result.reason": "error", "error.type": kind, "feature_flag.provider.name": provider}
}

// Over OFREP the span of a failed evaluation has no attributes: the key is the one in the path above it.
func failedUnnamed(key, kind string) Attributes {
	return failed(key, kind).with(Attributes{"burgee.flag.key.source": "url"})
}

// On the SERVER span above it, whose own key is the one in its path. It is no evaluation, so the error of one is not its own.
func asked(key, variant, reason string) Attributes {
	all := Attributes{"feature_flag.key": key, "burgee.flag.key.source": "url", "feature_flag.result.reason": reason,
		"feature_flag.provider.name": provider}
	if variant != "" {
		all["feature_flag.result.variant"] = variant
		all["feature_flags."+key] = variant
	}
	return all
}

func askedInVain(key, kind string) Attributes {
	return asked(key, "", "error").with(Attributes{"burgee.flag.error." + key: kind})
}

func (a Attributes) with(more Attributes) Attributes {
	all := Attributes{}
	for _, from := range []Attributes{a, more} {
		for key, value := range from {
			all[key] = value
		}
	}
	return all
}

// written are the attributes which only burgee writes.
func (a Attributes) written() Attributes {
	all := Attributes{}
	for key, value := range a {
		if key == "error.type" || strings.HasPrefix(key, "feature_flag.") || strings.HasPrefix(key, "feature_flags.") || strings.HasPrefix(key, "burgee.") {
			all[key] = value
		}
	}
	return all
}
