"""An application that evaluates flags, in Python.

    python sender.py FOLDER CASE…

FOLDER holds sdk.py: the provider, the hook and the instrumentation of one generation. A CASE is JSON: a `traceparent`
that the request came with, the `flags` it asks for with their defaults, the evaluation `context`. HOOK names the hook,
RELAY_PROXY the flag service. Where telemetry goes is told by OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_PROTOCOL.
"""

import importlib
import json
import os
import sys

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator


def main():
    sys.path.insert(0, sys.argv[1])
    sdk = importlib.import_module("sdk")
    telemetry = TracerProvider()
    telemetry.add_span_processor(BatchSpanProcessor(span_exporter()))
    trace.set_tracer_provider(telemetry)
    sdk.instrument_http()
    api.set_provider(sdk.provider(os.environ["RELAY_PROXY"]))
    api.add_hooks([sdk.HOOKS[os.environ["HOOK"]]()])
    for case in sys.argv[2:]:
        answer(json.loads(case))
    api.shutdown()
    telemetry.shutdown()  # sends everything, in one request


def span_exporter():
    if os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] == "grpc":
        return importlib.import_module("opentelemetry.exporter.otlp.proto.grpc.trace_exporter").OTLPSpanExporter()
    return importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter()


def answer(case):
    """Answers one request: a SERVER span, and below it the span in which the flags are evaluated."""
    tracer, client = trace.get_tracer("shop"), api.get_client()
    caller = TraceContextTextMapPropagator().extract({"traceparent": case["traceparent"]})
    attributes = dict(case["context"])
    context = EvaluationContext(attributes.pop("targetingKey"), attributes)
    with tracer.start_as_current_span("GET /checkout", context=caller, kind=trace.SpanKind.SERVER):
        with tracer.start_as_current_span("price the cart"):
            for flag in case["flags"]:
                evaluate = client.get_boolean_value if isinstance(flag["default"], bool) else client.get_string_value
                evaluate(flag["key"], flag["default"], context)


main()
