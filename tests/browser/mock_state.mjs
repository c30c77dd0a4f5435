// What the stand-in for burgee says of itself: status, senders, findings, rejections, in each scenario.

import { HOSTILE } from './telemetry.mjs';

/** What /api/overview says of the process after so many evaluations. */
export function statusAfter(n, { started, now, scenario }) {
  const trouble = scenario === 'trouble';
  return {
    version: '0.1.0',
    pid: 4711,
    started_unix_ms: started,
    uptime_ms: now - started,
    listeners: [
      { address: '127.0.0.1:4317', component: 'otlp', speaks: 'OTLP/gRPC and OTLP/HTTP' },
      { address: '127.0.0.1:4318', component: 'otlp', speaks: 'OTLP/gRPC and OTLP/HTTP' },
      { address: '127.0.0.1:4380', component: 'admin', speaks: 'gRPC and HTTP' },
    ],
    doors: [
      {
        receiver: 'otlp',
        transport: 'http',
        signal: 'traces',
        requests: n,
        ok: n,
        partial: 0,
        refused: trouble ? n >> 2 : 0,
        rejected: 0,
        abandoned: 1,
        items: 4 * n,
        items_accepted: 4 * n,
        items_refused: 0,
        items_flawed: 0,
      },
      {
        receiver: 'otlp',
        transport: 'grpc',
        signal: 'logs',
        requests: n >> 3,
        ok: n >> 3,
        partial: 0,
        refused: 0,
        rejected: 0,
        abandoned: 0,
        items: n >> 3,
        items_accepted: n >> 3,
        items_refused: 0,
        items_flawed: 0,
      },
    ],
    pipelines: [
      {
        id: 'traces',
        signal: 'traces',
        in: 4 * n,
        added: 0,
        out: 4 * n - 12,
        discarded: [{ component: 'filter/health', items: 12 }],
        evaluations: n,
      },
    ],
    outboxes: [
      {
        exporter: 'otlp_grpc/jaeger',
        signal: 'traces',
        put: 4 * n,
        recovered: 0,
        sent: trouble ? 2 * n : 4 * n,
        rejected: 0,
        dropped: trouble ? [{ reason: 'retries_exhausted', items: n >> 1 }] : [],
        held_items: trouble ? 812 : 3,
        held_bytes: trouble ? 56_000_000 : 4096,
        held_requests: trouble ? 812 : 3,
        capacity: 1000,
        sizer: 'requests',
        bytes_max: 67_108_864,
        in_flight: 1,
        retrying: trouble ? 1 : 0,
        isolated: false,
        last: {
          what: trouble ? 'retry_later' : 'accepted',
          message: trouble ? 'jaeger:4317: connection refused' : '',
          at_unix_ms: now - 400,
        },
      },
    ],
    memory: { used: 12_400_000, limit: 268_435_456 },
    definitions: [
      {
        processor: 'feature_flag',
        source: 'http://relay-proxy:1031',
        flags: 7,
        ok: 12,
        changed: 1,
        failed: 0,
        read_at_unix_ms: now - 21_000,
        failure: null,
      },
    ],
    configuration: {
      fingerprint: '9f3c21',
      since_unix_ms: started,
      changed: 1,
      unchanged: 0,
      failed: 0,
      read_at_unix_ms: null,
      failure: null,
    },
  };
}

/** Who sends. */
export function sendersAfter(n, { started, now }) {
  const sender = (service, sdk, items, evaluations, ago, more) => ({
    service,
    peer: '127.0.0.1',
    transport: 'http',
    port: 'http',
    sdk,
    version: '1.4.2',
    is_relay_proxy: false,
    items,
    evaluations,
    first_seen_unix_ms: started,
    last_seen_unix_ms: now - ago,
    ...more,
  });
  return [
    sender('go-feature-flag', 'go 1.45.0', 3 * n, n, 300, {
      is_relay_proxy: true,
      version: '1.55.2',
      port: 'grpc',
    }),
    sender('checkout', 'nodejs 2.1.0', n, 0, 900, { peer: '10.0.0.7' }),
    sender('search', 'python 1.45.2', n >> 1, 0, 140_000, { transport: 'grpc', port: 'grpc' }),
    sender(HOSTILE[0], 'java 1.41.0', 12, 0, 300_000, {}),
  ];
}

/** What is odd. */
export function findingsIn(scenario, now) {
  const finding = (id, severity, title, evidence, means, fix, more) => ({
    id,
    severity,
    title,
    evidence,
    count: 41,
    fix,
    means,
    first_seen_unix_ms: now - 600_000,
    last_seen_unix_ms: now - 2000,
    resolved_unix_ms: null,
    ...more,
  });
  const info = finding(
    'P01',
    'info',
    'OTLP over HTTP comes to the port for gRPC',
    'go-feature-flag from 127.0.0.1 sends HTTP to 127.0.0.1:4317',
    'burgee takes both protocols on both ports, so this works here. Other collectors refuse it.',
    'OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318',
    {},
  );
  if (scenario === 'waiting') return { findings: [], examined_unix_ms: now - 700 };
  if (scenario !== 'trouble') return { findings: [info], examined_unix_ms: now - 700 };
  return {
    examined_unix_ms: now - 700,
    findings: [
      finding(
        'X01',
        'error',
        'Relay-proxy traces are not connected to their callers',
        'relay proxy 1.40.0 at 127.0.0.1: 41 of 41 of its requests have no parent, while checkout called it',
        'The relay proxy started a trace of its own for every request, instead of continuing the one of its caller. Versions before 1.41.2 do not read traceparent.',
        'image: gofeatureflag/go-feature-flag:v1.49.0',
        {},
      ),
      finding(
        'D01',
        'warning',
        'A downstream cannot be reached',
        'otlp_grpc/jaeger: jaeger:4317: connection refused',
        'burgee holds what it cannot deliver, and tries again. When the queue is full, senders are asked to wait.',
        'exporters:\n  otlp_grpc/jaeger:\n    endpoint: http://jaeger:4317\n    tls:\n      insecure: true',
        {},
      ),
      info,
      finding(
        'P05',
        'warning',
        'Requests to a path that does not exist',
        `${HOSTILE[0]} asked for /v1/traces/v1/traces`,
        'OTEL_EXPORTER_OTLP_ENDPOINT is a base URL, to which SDKs append the path.',
        'OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318',
        { resolved_unix_ms: now - 120_000 },
      ),
    ],
  };
}

/** What was turned away. */
export function rejectionsIn(scenario) {
  const now = Date.now();
  const rejection = (ago, fields) => ({
    at_unix_ms: now - ago,
    peer: '10.0.0.7:51244',
    listener: '127.0.0.1:4318',
    transport: 'http',
    method: 'POST',
    path: '/v1/traces',
    status: 400,
    reason: '',
    content_type: 'application/x-protobuf',
    content_encoding: '',
    user_agent: 'OTel-OTLP-Exporter-Python/1.33.1',
    bytes: 412,
    ...fields,
  });
  const rejections = [
    rejection(4_000, { path: '/v1/traces/v1/traces', status: 404, reason: 'no such path: /v1/traces/v1/traces' }),
    rejection(61_000, {
      method: 'GET',
      path: '/',
      status: 404,
      reason: 'This is an OTLP endpoint.',
      user_agent: 'Mozilla/5.0',
      content_type: '',
      bytes: null,
    }),
    rejection(93_000, {
      status: 415,
      reason: 'content type text/plain is not OTLP',
      content_type: 'text/plain',
      user_agent: 'curl/8.5.0',
    }),
    rejection(120_000, {
      transport: 'grpc',
      path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
      status: 8,
      reason: 'the message has 71303168 bytes, more than the 67108864 that are taken',
      content_type: 'application/grpc',
      user_agent: 'OTel-OTLP-Exporter-Java/1.41.0',
      content_encoding: 'gzip',
      bytes: 71_303_168,
    }),
    rejection(240_000, { path: HOSTILE[0], reason: HOSTILE[3], user_agent: HOSTILE[1], status: 404 }),
  ];
  return scenario === 'trouble' || scenario === 'healthy' ? { rejections, total: 41 } : { rejections: [], total: 0 };
}

/** The status of a burgee that nothing was sent to. */
export function nothingYet(status) {
  return {
    ...status,
    doors: [],
    pipelines: status.pipelines.map((p) => ({ ...p, in: 0, out: 0, discarded: [], evaluations: 0 })),
    outboxes: status.outboxes.map((o) => ({
      ...o,
      put: 0,
      sent: 0,
      held_items: 0,
      held_bytes: 0,
      held_requests: 0,
      in_flight: 0,
      last: null,
    })),
  };
}
