"""The first generation: a span event `feature_flag` with the names of 2022, the relay proxy's own API over urllib3."""

from gofeatureflag_python_provider.options import GoFeatureFlagOptions
from gofeatureflag_python_provider.provider import GoFeatureFlagProvider
from openfeature.contrib.hook.opentelemetry import TracingHook
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor

HOOKS = {"TracingHook": TracingHook}


def provider(relay_proxy):
    # Evaluations are what we look at: no websocket beside them and no report about them. The interval is how long
    # the provider takes to end.
    return GoFeatureFlagProvider(
        options=GoFeatureFlagOptions(
            endpoint=relay_proxy, disable_cache_invalidation=True, disable_data_collection=True, data_flush_interval=50
        )
    )


def instrument_http():
    URLLib3Instrumentor().instrument()
