// Telemetry for the tests: hostile strings, a large trace, an odd one.

/** Text that wants to be more than text. */
export const HOSTILE = [
  '<img src=x onerror="window.pwned=1;alert(1)">',
  '"><script>window.pwned=1;alert(2)</script>',
  '\u202Egnirts desrever\u202C',
  'nul\u0000 and \u001b[31mred\u001b[0m and \u0007',
  'javascript:alert(3)',
  `long-${'x'.repeat(3000)}`,
  '{{constructor.constructor("alert(4)")()}} ${alert(5)} \'"`',
  'z̸̧̧̛͇̩̪̰̑̈́̀̽͘a̷͚̲̤͆̓l̴̨̡̛̲̖͖̀̐g̵͎̈́o̶̢͈͐',
];

/** Numbers from 0 to 1, the same ones in every run. */
export function pseudoRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A trace as /api/trace answers it, with so many spans, some of which evaluate flags. */
export function bigTrace(size) {
  const random = pseudoRandom(42);
  const names = [
    'GET /catalogue',
    'POST /ofrep/v1/evaluate/flags/:flagKey',
    'flagEvaluation',
    'SELECT products',
    'render',
    'cache.get',
  ];
  const services = ['web', 'go-feature-flag', 'catalogue', 'search'];
  const id = (i) => (i + 1).toString(16).padStart(16, '0');
  const spans = [[id(0), '', 0, 0, 2, 0, 60_000_000, 0, 0]];
  const evaluations = [];
  for (let i = 1; i < size; i++) {
    const up = Math.max(0, i - 1 - Math.floor(random() * random() * 40));
    const start = Math.floor((60_000_000 * i) / size);
    const flags = i % 400 === 7 ? 1 : 0;
    spans.push([
      id(i),
      id(up),
      flags ? 2 : Math.floor(random() * names.length),
      Math.floor(random() * services.length),
      1 + (i % 3),
      start,
      Math.floor(random() * random() * 4_000_000),
      random() < 0.01 ? 2 : 0,
      flags,
    ]);
    if (flags) {
      evaluations.push({
        number: i,
        at_unix_ms: 0,
        service: 'web',
        key: ['new-checkout', 'search-ranking', 'payment-provider'][i % 3],
        variant: ['on', 'vector', 'stripe'][i % 3],
        value: '',
        reason: 'targeting_match',
        error: '',
        provider: 'GO Feature Flag',
        version: '',
        trace_id: BIG_TRACE_ID,
        span_id: id(i),
        span: 'flagEvaluation',
        told_by: 'span',
        span_index: i,
        offset_us: start,
      });
    }
  }
  const started = Date.now() - 120_000;
  return {
    trace_id: BIG_TRACE_ID,
    notes: [],
    names,
    services,
    spans,
    evaluations,
    start_unix_nano: `${started}000000`,
    summary: {
      trace_id: BIG_TRACE_ID,
      name: 'GET /catalogue',
      service: 'web',
      started_unix_ms: started,
      duration_us: 60_000_000,
      spans: size,
      errors: 0,
      services,
      flags: [
        { key: 'new-checkout', variant: 'on' },
        { key: 'search-ranking', variant: 'vector' },
        { key: 'payment-provider', variant: 'stripe' },
      ],
    },
  };
}

export const BIG_TRACE_ID = 'b16c0de5b16c0de5b16c0de5b16c0de5';
export const ODD_TRACE_ID = '0dd0dd0dd0dd0dd0dd0dd0dd0dd0dd0d';

/** Orphans, a span that is its own parent, a cycle, one id twice, a span outside its parent's time, hostile names. */
export function oddTrace() {
  const names = ['root', 'orphan', 'own parent', 'cycle', 'twice', 'early child', ...HOSTILE];
  const spans = [
    ['0000000000000001', '', 0, 0, 2, 0, 100_000, 1, 1],
    ['0000000000000002', '00000000000000ff', 1, 0, 1, 5_000, 20_000, 0, 0],
    ['0000000000000003', '0000000000000003', 2, 0, 1, 10_000, 20_000, 0, 0],
    ['0000000000000004', '0000000000000006', 3, 0, 1, 15_000, 20_000, 0, 0],
    ['0000000000000005', '0000000000000004', 3, 0, 1, 16_000, 20_000, 0, 0],
    ['0000000000000006', '0000000000000005', 3, 0, 1, 17_000, 20_000, 0, 0],
    ['0000000000000007', '0000000000000006', 3, 0, 1, 18_000, 20_000, 2, 0],
    ['0000000000000008', '0000000000000001', 4, 0, 1, 20_000, 20_000, 0, 0],
    ['0000000000000008', '0000000000000001', 4, 0, 1, 21_000, 20_000, 0, 0],
    ['0000000000000009', '0000000000000001', 5, 1, 1, -3_000, 200_000, 0, 0],
    ...HOSTILE.map((_, i) => [`00000000000000a${i}`, '0000000000000001', 6 + i, 1, 1, 30_000 + i * 1000, 5_000, 0, 0]),
  ].sort((a, b) => a[5] - b[5]);
  const started = Date.now() - 60_000;
  const evaluation = (key, variant, at, error) => ({
    number: 1,
    at_unix_ms: started,
    service: 'web',
    key,
    variant,
    value: '',
    reason: 'split',
    error,
    provider: '',
    version: '',
    trace_id: ODD_TRACE_ID,
    span_id: '0000000000000001',
    span: 'root',
    told_by: 'event',
    span_index: 1,
    offset_us: at,
  });
  return {
    trace_id: ODD_TRACE_ID,
    names,
    services: ['web', HOSTILE[0]],
    spans,
    start_unix_nano: `${started}000000`,
    notes: [
      '1 span names a parent that never came.',
      '1 span is its own parent.',
      "3 spans are each other's ancestors.",
      `2 spans have the id 0000000000000008 ${HOSTILE[0]}`,
    ],
    evaluations: [
      evaluation('new-checkout', 'on', 2_000, ''),
      evaluation(HOSTILE[0], HOSTILE[1], 24_000, ''),
      evaluation('legacy-tax-engine', '', 50_000, 'flag_not_found'),
    ],
    summary: {
      trace_id: ODD_TRACE_ID,
      name: HOSTILE[0],
      service: HOSTILE[1],
      started_unix_ms: started,
      duration_us: 203_000,
      spans: spans.length,
      errors: 1,
      services: ['web', HOSTILE[0]],
      flags: [{ key: HOSTILE[0], variant: HOSTILE[1] }],
    },
  };
}

export const LARGE_TRACE_ID = '1a59e000000000000000000000040000';

/** OTLP/JSON requests that together are one trace of so many spans, a hundred of which evaluate a flag. */
export function largeRequests(size) {
  const trace = bigTrace(size);
  const start = BigInt(Date.now() - 70_000) * 1_000_000n;
  const spans = trace.spans.map(([id, up, name, , kind, offset, duration, status, flags], i) => ({
    traceId: LARGE_TRACE_ID,
    spanId: id,
    parentSpanId: up,
    name: trace.names[name],
    kind,
    startTimeUnixNano: String(start + BigInt(offset) * 1000n),
    endTimeUnixNano: String(start + BigInt(offset + duration) * 1000n),
    status: status === 2 ? { code: 2 } : {},
    attributes: flags
      ? attributes({
          'feature_flag.key': ['new-checkout', 'search-ranking', 'payment-provider'][i % 3],
          'feature_flag.result.variant': 'on',
          'feature_flag.provider.name': 'test',
        })
      : [],
  }));
  const bodies = [];
  for (let i = 0; i < size; i += 4000) bodies.push(requestOf('large', spans.slice(i, i + 4000)));
  return bodies;
}

/** An OTLP/JSON request with hostile text wherever text can be. */
export function hostileRequest() {
  const start = BigInt(Date.now()) * 1_000_000n;
  const spans = HOSTILE.map((text, i) => ({
    traceId: 'ba11ad00000000000000000000000bad',
    spanId: `ba11ad000000000${i + 1}`,
    parentSpanId: i === 0 ? '' : 'ba11ad0000000001',
    name: text,
    kind: 1 + (i % 5),
    startTimeUnixNano: String(start + BigInt(i) * 1_000_000n),
    endTimeUnixNano: String(start + BigInt(i + 20) * 1_000_000n),
    status: { code: 2, message: text },
    attributes: attributes({
      'feature_flag.key': text,
      'feature_flag.result.variant': text,
      'feature_flag.provider.name': text,
      'feature_flag.result.reason': text,
      'feature_flag.version': text,
      [`key ${text}`]: text,
    }),
  }));
  return requestOf(HOSTILE[0], spans);
}

function requestOf(service, spans) {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: {
          attributes: attributes({ 'service.name': service, 'service.version': service, 'telemetry.sdk.language': service }),
        },
        scopeSpans: [{ scope: { name: 'test' }, spans }],
      },
    ],
  });
}

function attributes(of) {
  return Object.entries(of).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}
