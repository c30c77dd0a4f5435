package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// A Diagnosis is what `burgee doctor --json` says.
type Diagnosis struct {
	Findings   []Finding   `json:"findings"`
	RelayProxy *RelayProbe `json:"relay_proxy"`

	exit int
	took time.Duration // of the whole command
}

// A Finding of burgee, about those that send to it or about itself.
type Finding struct {
	ID        string  `json:"id"`
	Severity  string  `json:"severity"`
	Title     string  `json:"title"`
	Evidence  string  `json:"evidence"`
	Count     uint64  `json:"count"`
	Fix       string  `json:"fix"`
	FirstSeen *string `json:"first_seen"`
	LastSeen  *string `json:"last_seen"`
	Resolved  *string `json:"resolved"`
}

// A RelayProbe is what became of the doctor's own call of a relay proxy.
type RelayProbe struct {
	URL          string  `json:"url"`
	Version      *string `json:"version"`
	Reachable    bool    `json:"reachable"`
	Verdict      string  `json:"verdict"`
	TraceID      *string `json:"trace_id"`
	OtherTraceID *string `json:"other_trace_id"`
	Transport    *string `json:"transport"`
	Port         *string `json:"port"`
	TookMS       int64   `json:"took_ms"`
}

const (
	severityInfo    = "info"
	severityWarning = "warning"
	severityError   = "error"
)

// The doctor waits 12 seconds at most for a relay proxy's spans; ten times as long means that it hangs.
const doctorLimit = 120 * time.Second

// diagnose runs the doctor on a running burgee.
func diagnose(ctx context.Context, binary string, burgee Burgee, more ...string) (Diagnosis, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorLimit)
	defer cancel()
	arguments := append([]string{"doctor", "--json", "--admin", burgee.adminURL()}, more...)
	cmd := exec.CommandContext(ctx, binary, arguments...)
	var out, notes bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = os.Environ(), &out, &notes
	begin := time.Now()
	err := cmd.Run()
	diagnosis := Diagnosis{took: time.Since(begin)}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		return diagnosis, fmt.Errorf("burgee %s: %w", strings.Join(arguments, " "), errors.Join(err, ctx.Err()))
	}
	diagnosis.exit = cmd.ProcessState.ExitCode()
	if err := json.Unmarshal(out.Bytes(), &diagnosis); err != nil {
		return diagnosis, fmt.Errorf("burgee %s ended with %d and printed no JSON: %w\n%s%s",
			strings.Join(arguments, " "), diagnosis.exit, err, out.String(), notes.String())
	}
	return diagnosis, nil
}

// shape is what is wrong with the answer, whatever it says.
func (d Diagnosis) shape() complaints {
	var wrong complaints
	if worst := d.worst(); d.exit != worst {
		wrong.add("it ended with %d, but the findings say %d", d.exit, worst)
	}
	for _, finding := range d.Findings {
		if finding.ID == "" || finding.Title == "" || finding.Fix == "" || finding.FirstSeen == nil || finding.LastSeen == nil {
			wrong.add("a finding is not complete: %s", finding)
		}
		if !slices.Contains([]string{severityInfo, severityWarning, severityError}, finding.Severity) {
			wrong.add("%s has the severity %q", finding.ID, finding.Severity)
		}
	}
	return wrong
}

// worst is how the doctor has to end: 0 healthy, 1 warnings, 2 errors. What is resolved no longer counts.
func (d Diagnosis) worst() int {
	worst := 0
	for _, finding := range d.Findings {
		switch {
		case finding.Resolved != nil:
		case finding.Severity == severityError:
			worst = 2
		case finding.Severity == severityWarning:
			worst = max(worst, 1)
		}
	}
	return worst
}

func (d Diagnosis) find(id string) *Finding {
	for _, finding := range d.Findings {
		if finding.ID == id {
			return &finding
		}
	}
	return nil
}

// alarms are the findings that nobody may raise about what is healthy, resolved since or not.
func (d Diagnosis) alarms() complaints {
	var wrong complaints
	for _, finding := range d.Findings {
		if finding.Severity != severityInfo {
			wrong.add("%s", finding)
		}
	}
	return wrong
}

// ids of all findings, with the severity of those that are more than a remark.
func (d Diagnosis) ids() string {
	if len(d.Findings) == 0 {
		return "no findings"
	}
	var all []string
	for _, finding := range d.Findings {
		name := finding.ID
		if finding.Severity != severityInfo {
			name += " (" + finding.Severity + ")"
		}
		if finding.Resolved != nil {
			name += " (resolved)"
		}
		all = append(all, name)
	}
	slices.Sort(all)
	return "findings " + strings.Join(all, ", ")
}

func (f Finding) String() string {
	return fmt.Sprintf("%s %s, %d×: %s\n       evidence: %s\n       fix: %s", f.ID, f.Severity, f.Count, f.Title, f.Evidence, f.Fix)
}

func (p RelayProbe) String() string {
	return fmt.Sprintf("%q, version %s, trace %s, other trace %s, %s on the %s port, after %d ms",
		p.Verdict, orNull(p.Version), orNull(p.TraceID), orNull(p.OtherTraceID), orNull(p.Transport), orNull(p.Port), p.TookMS)
}

func orNull(text *string) string {
	if text == nil {
		return "null"
	}
	return *text
}

// checkHealth asks the doctor about a burgee that was sent nothing but healthy traffic.
func checkHealth(ctx context.Context, binary string, burgee Burgee, tally *Tally) error {
	diagnosis, err := diagnose(ctx, binary, burgee)
	if err != nil {
		return err
	}
	wrong := append(diagnosis.shape(), diagnosis.alarms()...)
	tally.count("doctor, "+burgee.name+" after all of its traffic", wrong, diagnosis.ids())
	return nil
}
