// The newest generation: an event, a span or a log record `feature_flag.evaluation`, OFREP over fetch.
'use strict';

const { UndiciInstrumentation } = require('@opentelemetry/instrumentation-undici');

exports.httpInstrumentation = () => new UndiciInstrumentation();

exports.hooks = () => require('@openfeature/open-telemetry-hooks');

exports.provider = (relayProxy) => {
  const { OFREPProvider } = require('@openfeature/ofrep-provider');
  return new OFREPProvider({ baseUrl: relayProxy });
};
