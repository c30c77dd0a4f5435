// The first generation: a span event `feature_flag` with the names of 2022, the relay proxy's own API over node:http.
'use strict';

const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http');

exports.httpInstrumentation = () => new HttpInstrumentation();

exports.hooks = () => require('@openfeature/open-telemetry-hooks');

exports.provider = (relayProxy) => {
  const { GoFeatureFlagProvider } = require('@openfeature/go-feature-flag-provider');
  // Evaluations are what we look at: no report about them.
  return new GoFeatureFlagProvider({ endpoint: relayProxy, disableDataCollection: true });
};
