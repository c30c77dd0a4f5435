"""The newest generation: a span event `feature_flag.evaluation` with values as JSON text, OFREP over requests."""

import os

from openfeature.contrib.hook.opentelemetry import TracingHook
from openfeature.contrib.provider.ofrep import OFREPProvider
from opentelemetry.instrumentation.requests import RequestsInstrumentor

HOOKS = {"TracingHook": TracingHook}


def provider(relay_proxy):
    return OFREPProvider(relay_proxy)


def instrument_http():
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http"  # or its spans have the HTTP attributes of 2023
    RequestsInstrumentor().instrument()
