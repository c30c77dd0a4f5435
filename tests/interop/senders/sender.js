// An application that evaluates flags, in JavaScript.
//
//     node sender.js FOLDER CASE…
//
// FOLDER holds sdk.js: the provider, the hooks and the instrumentation of one generation. A CASE is JSON: a
// `traceparent` that the request came with, the `flags` it asks for with their defaults, the evaluation `context`.
// HOOK names the hook, RELAY_PROXY the flag service. Where telemetry goes is told by OTEL_EXPORTER_OTLP_ENDPOINT and
// OTEL_EXPORTER_OTLP_PROTOCOL. Packages are found by NODE_PATH.
'use strict';

const { context, propagation, trace, ROOT_CONTEXT, SpanKind } = require('@opentelemetry/api');
const { NodeSDK } = require('@opentelemetry/sdk-node');
const sdk = require(require('path').resolve(process.argv[2], 'sdk.js'));

async function main() {
  const telemetry = new NodeSDK({ instrumentations: [sdk.httpInstrumentation()] });
  telemetry.start();
  // Only now: instrumentation changes modules as they are loaded.
  const { OpenFeature } = require('@openfeature/server-sdk');
  await OpenFeature.setProviderAndWait(sdk.provider(process.env.RELAY_PROXY));
  OpenFeature.addHooks(new (sdk.hooks()[process.env.HOOK])());
  for (const text of process.argv.slice(3)) {
    await answer(JSON.parse(text), OpenFeature.getClient());
  }
  await OpenFeature.close();
  await telemetry.shutdown(); // sends everything, in one request per signal
}

// Answers one request: a SERVER span, and below it the span in which the flags are evaluated.
function answer(request, client) {
  const tracer = trace.getTracer('shop');
  const caller = propagation.extract(ROOT_CONTEXT, { traceparent: request.traceparent });
  return within(tracer, 'GET /checkout', { kind: SpanKind.SERVER }, caller, () =>
    within(tracer, 'price the cart', {}, undefined, async () => {
      for (const { key, default: fallback } of request.flags) {
        const evaluate = typeof fallback === 'boolean' ? client.getBooleanValue : client.getStringValue;
        await evaluate.call(client, key, fallback, request.context);
      }
    }),
  );
}

function within(tracer, name, options, parent, work) {
  return tracer.startActiveSpan(name, options, parent ?? context.active(), (span) => work().finally(() => span.end()));
}

main();
