package main

import (
	"fmt"
	"strings"
)

// token of the wires that want one.
const token = "interop-token-not-a-secret"

// A Document of YAML, in the order in which a Collector's sections are written here.
type Document struct {
	receivers, exporters, pipelines strings.Builder
	extensions                      string
}

func (d *Document) String() string {
	var text strings.Builder
	service := ""
	if d.extensions != "" {
		fmt.Fprintf(&text, "extensions:\n%s", d.extensions)
		service = "  extensions: [bearertokenauth]\n"
	}
	fmt.Fprintf(&text, "receivers:\n%sexporters:\n%sservice:\n%s  telemetry: {metrics: {level: none}}\n  pipelines:\n%s",
		d.receivers.String(), d.exporters.String(), service, d.pipelines.String())
	return text.String()
}

// bearerExtension is the same for those who ask for the token and those who have it.
const bearerExtension = "  bearertokenauth: {token: " + token + "}\n"

// connect adds a receiver, an exporter, and a pipeline of each signal from the one to the other.
func (d *Document) connect(id, receiver, exporter string) {
	fmt.Fprintf(&d.receivers, "  otlp/%s:\n    protocols:\n%s", id, receiver)
	kind, _, _ := strings.Cut(exporter, ":")
	fmt.Fprintf(&d.exporters, "  %s/%s:%s", kind, id, strings.TrimPrefix(exporter, kind+":"))
	for _, signal := range signals {
		fmt.Fprintf(&d.pipelines, "    %s/%s: {receivers: [otlp/%s], exporters: [%s/%s]}\n", signal.name, id, id, kind, id)
	}
}

// inFront takes everything plainly, and sends it over the wires to burgee. Its answer waits for burgee's.
func inFront(entry, to map[string]int, certificates Certificates) string {
	d := Document{extensions: bearerExtension}
	for _, wire := range wires {
		receiver := fmt.Sprintf("      http: {endpoint: %s}\n", quoted(loopback(entry[wire.name])))
		d.connect(wire.id(), receiver, wire.sender(to[wire.name], certificates)+"    sending_queue: {enabled: false}\n")
	}
	return d.String()
}

// between is burgee: it receives over each wire, and sends on over the same.
func between(from, to map[string]int, certificates Certificates) string {
	d := Document{extensions: bearerExtension}
	for _, wire := range wires {
		d.connect(wire.id(), wire.receiver(from[wire.name], certificates), wire.sender(to[wire.name], certificates))
	}
	return d.String()
}

// behind receives over the wires, and hands on to the test, to a path for each.
func behind(from map[string]int, sink string, certificates Certificates) string {
	d := Document{extensions: bearerExtension}
	for _, wire := range wires {
		exporter := fmt.Sprintf("otlp_http:\n    endpoint: http://%s/%s\n    compression: none\n    sending_queue: {enabled: false}\n", sink, wire.id())
		d.connect(wire.id(), wire.receiver(from[wire.name], certificates), exporter)
	}
	return d.String()
}

// receiver is what stands below `protocols`.
func (w Wire) receiver(port int, certificates Certificates) string {
	var text strings.Builder
	protocol, _ := strings.CutPrefix(w.exporter, "otlp_")
	fmt.Fprintf(&text, "      %s:\n        endpoint: %s\n", protocol, quoted(loopback(port)))
	if w.security != plain {
		fmt.Fprintf(&text, "        tls:\n          cert_file: %s\n          key_file: %s\n", quoted(certificates.server), quoted(certificates.serverKey))
	}
	if w.security == mutualTLS {
		fmt.Fprintf(&text, "          client_ca_file: %s\n", quoted(certificates.authority))
	}
	if w.security == bearer {
		text.WriteString("        auth: {authenticator: bearertokenauth}\n")
	}
	return text.String()
}

// sender is an exporter, from its type on.
func (w Wire) sender(port int, certificates Certificates) string {
	var text strings.Builder
	scheme := "https://"
	if w.security == plain {
		scheme = "http://"
	}
	if w.exporter == "otlp_grpc" {
		scheme = ""
	}
	fmt.Fprintf(&text, "%s:\n    endpoint: %s\n    compression: %s\n", w.exporter, quoted(scheme+loopback(port)), w.compression)
	if w.encoding != "" {
		fmt.Fprintf(&text, "    encoding: %s\n", w.encoding)
	}
	switch {
	case w.security != plain:
		fmt.Fprintf(&text, "    tls:\n      ca_file: %s\n", quoted(certificates.authority))
	case w.exporter == "otlp_grpc":
		text.WriteString("    tls: {insecure: true}\n")
	}
	if w.security == mutualTLS {
		fmt.Fprintf(&text, "      cert_file: %s\n      key_file: %s\n", quoted(certificates.client), quoted(certificates.clientKey))
	}
	if w.security == bearer {
		text.WriteString("    auth: {authenticator: bearertokenauth}\n")
	}
	return text.String()
}

func quoted(text string) string { return fmt.Sprintf("%q", text) }
