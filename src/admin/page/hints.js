// What a rejected request's sender most likely has to change. A table, tried from the top.

import { number, text } from './format.js';

/** One sentence, or nothing where the reason says it all. */
export function hintFor(rejection) {
  const asked = {
    grpc: text(rejection.transport) === 'grpc',
    path: text(rejection.path),
    method: text(rejection.method).toUpperCase(),
    status: number(rejection.status),
    type: text(rejection.content_type).toLowerCase(),
    agent: text(rejection.user_agent),
  };
  return HINTS.find(([, holds]) => holds(asked))?.[0] ?? '';
}

const http = (status) => (asked) => !asked.grpc && asked.status === status;
const grpc = (code) => (asked) => asked.grpc && asked.status === code;

const HINTS = [
  [
    "A browser or curl came to a port for telemetry; burgee's page is on the admin port.",
    (asked) => !asked.grpc && asked.method === 'GET' && [404, 405].includes(asked.status),
  ],
  [
    'The path is there twice: OTEL_EXPORTER_OTLP_ENDPOINT is a base URL, to which SDKs append /v1/traces.',
    (asked) => /\/v1\/(traces|metrics|logs)\/v1\//.test(asked.path) || /\/v1\/v1\//.test(asked.path),
  ],
  ['The path is /v1/traces, with an s.', (asked) => /\/v1\/trace$/.test(asked.path)],
  [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT and exporters' constructors are used as they are: end them with /v1/traces, or set OTEL_EXPORTER_OTLP_ENDPOINT instead.",
    (asked) => !asked.grpc && asked.status === 404 && ['', '/'].includes(asked.path),
  ],
  ["That is Zipkin's protocol; send OTLP.", (asked) => /\/api\/v[12]\/spans/.test(asked.path)],
  ["That is Jaeger's protocol; send OTLP.", (asked) => /\/api\/traces/.test(asked.path)],
  ['OTLP/HTTP is taken at /v1/traces, /v1/metrics and /v1/logs.', http(404)],
  ['Telemetry comes by POST.', http(405)],
  [
    'The sender has to set the content type application/x-protobuf or application/json.',
    (asked) => !asked.grpc && asked.status === 415 && !/protobuf|json/.test(asked.type),
  ],
  ['Compress with gzip, zstd or deflate, or not at all.', http(415)],
  ["Send smaller batches: lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE, or raise the receiver's limit.", http(413)],
  ['The sender has to bring credentials: OTEL_EXPORTER_OTLP_HEADERS.', http(401)],
  ["Add the web page's origin to cors.allowed_origins of the receiver.", http(403)],
  [
    'There is no room at the moment; SDKs try again by themselves. See the queue.',
    (asked) => !asked.grpc && [429, 503].includes(asked.status),
  ],
  ['The sender was too slow, or left.', http(408)],
  ['The body is not what its content type or encoding says, or was cut off on its way.', http(400)],
  ['No such service: does something else than OTLP speak to this port?', grpc(12)],
  ['There is no room at the moment; SDKs try again by themselves. See the queue.', grpc(14)],
  ["Send smaller batches: lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE, or raise the receiver's limit.", grpc(8)],
  ['The sender has to bring credentials: OTEL_EXPORTER_OTLP_HEADERS.', grpc(16)],
  ['The message is not what OTLP says it is, or was cut off on its way.', grpc(3)],
];
