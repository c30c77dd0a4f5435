// What the stand-in for burgee went through: senders, evaluations, traces, findings, all made up, and some of it hostile.

import { findingsIn, nothingYet, rejectionsIn, sendersAfter, statusAfter } from './mock_state.mjs';
import { bigTrace, HOSTILE, oddTrace, pseudoRandom } from './telemetry.mjs';

const FLAGS = [
  { key: 'new-checkout', variants: ['on', 'off'], weights: [0.62, 0.38], services: ['checkout', 'web'] },
  { key: 'search-ranking', variants: ['bm25', 'vector', 'hybrid'], weights: [0.5, 0.3, 0.2], services: ['search'] },
  { key: 'free-shipping-banner', variants: ['on'], weights: [1], services: ['web'] },
  {
    key: 'payment-provider',
    variants: ['stripe', 'adyen', 'manual'],
    weights: [0.7, 0.29, 0.01],
    services: ['checkout', 'payments'],
  },
  { key: 'recommendation-model', variants: ['v3', 'v4-canary'], weights: [0.95, 0.05], services: ['recommendations'] },
  { key: 'dark-mode-default', variants: ['light', 'dark'], weights: [0.5, 0.5], services: ['web'] },
  { key: 'legacy-tax-engine', variants: [''], weights: [1], services: ['checkout'], error: 'flag_not_found' },
];

/** A burgee that is asked over HTTP. Time passes as its answers are asked for. */
export class Life {
  scenario = 'healthy';
  #random = pseudoRandom(7);
  #started = Date.now() - 734_000;
  #evaluations = [];
  #number = 0;
  #upTo = Date.now() - 20_000;
  #traces = new Map();
  #written = new WeakMap();

  constructor() {
    for (const trace of [bigTrace(40_000), oddTrace()]) this.#traces.set(trace.trace_id, trace);
    for (const hostile of HOSTILE)
      this.#happen(Date.now() - 15_000, { key: hostile, variants: [hostile], weights: [1], services: [hostile], error: hostile });
  }

  overview() {
    this.#pass();
    const now = Date.now();
    const waiting = this.scenario === 'waiting';
    const when = { started: this.#started, now, scenario: this.scenario };
    const status = statusAfter(this.#number, when);
    return {
      status: waiting ? nothingYet(status) : status,
      findings: findingsIn(this.scenario, now),
      senders: { senders: waiting ? [] : sendersAfter(this.#number, when) },
      horizon: this.#horizon(now),
      now_unix_ms: now,
    };
  }

  evaluations(after, limit, filter) {
    this.#pass();
    if (this.scenario === 'waiting') return { evaluations: [], last: 0, missed: 0, horizon: this.#horizon(Date.now()) };
    const newer = this.#evaluations.filter((evaluation) => evaluation.number > after && passes(filter, evaluation));
    return {
      evaluations: newer.slice(-limit),
      last: this.#number,
      missed: Math.max(0, newer.length - limit),
      horizon: this.#horizon(Date.now()),
    };
  }

  flags() {
    this.#pass();
    const byKey = new Map();
    for (const e of this.#evaluations) {
      const flag = byKey.get(e.key) ?? {
        key: e.key,
        evaluations: 0,
        errors: 0,
        variants: new Map(),
        reasons: new Map(),
        services: new Set(),
        providers: new Set(),
        versions: new Set(),
        first_seen_unix_ms: e.at_unix_ms,
        last_seen_unix_ms: 0,
        recent: new Array(30).fill(0),
      };
      byKey.set(e.key, flag);
      flag.evaluations++;
      if (e.error) flag.errors++;
      flag.variants.set(e.variant, (flag.variants.get(e.variant) ?? 0) + 1);
      flag.reasons.set(e.reason, (flag.reasons.get(e.reason) ?? 0) + 1);
      flag.services.add(e.service);
      flag.providers.add(e.provider);
      if (e.version) flag.versions.add(e.version);
      flag.last_seen_unix_ms = e.at_unix_ms;
      const slot = 29 - Math.floor((Date.now() - e.at_unix_ms) / 10_000);
      if (slot >= 0) flag.recent[slot]++;
    }
    const shares = (of) => [...of].map(([name, evaluations]) => ({ name, evaluations }));
    const flags = [...byKey.values()].map((flag) => ({
      ...flag,
      variants: shares(flag.variants),
      reasons: shares(flag.reasons),
      services: [...flag.services],
      providers: [...flag.providers],
      versions: [...flag.versions],
      recent: flag.recent.map((n, i) =>
        i < 27 ? Math.round(20 + 12 * Math.sin(i / 4 + flag.key.length) + 6 * Math.sin(i * flag.key.length)) : n,
      ),
    }));
    return {
      flags: this.scenario === 'waiting' ? [] : flags.sort((a, b) => (a.key < b.key ? -1 : 1)),
      beyond: 0,
      horizon: this.#horizon(Date.now()),
    };
  }

  traces(filter, limit) {
    this.#pass();
    const all = [...this.#traces.values()].map((trace) => trace.summary).reverse();
    const passing = all.filter((trace) =>
      trace.flags.length === 0
        ? filter === ''
        : trace.flags.some((flag) =>
            passes(filter, {
              ...flag,
              service: trace.service,
              trace_id: trace.trace_id,
              span: trace.name,
              reason: '',
              error: '',
              provider: '',
              version: '',
              value: '',
              span_id: '',
            }),
          ),
    );
    return { traces: this.scenario === 'waiting' ? [] : passing.slice(0, limit), horizon: this.#horizon(Date.now()) };
  }

  trace(id) {
    const trace = [...this.#traces.values()].find((trace) => trace.trace_id.startsWith(id));
    return trace ?? null;
  }

  // burgee writes a large trace quickly; this one is written once.
  traceAsJson(id) {
    const trace = this.trace(id);
    if (!trace) return null;
    if (!this.#written.has(trace)) this.#written.set(trace, JSON.stringify(trace));
    return this.#written.get(trace);
  }

  span(id, spanId) {
    const trace = this.trace(id);
    const span = trace?.spans.find((span) => span[0] === spanId);
    if (!span) return null;
    return {
      span_id: span[0],
      parent_span_id: span[1],
      name: trace.names[span[2]],
      service: trace.services[span[3]],
      kind: 'server',
      start_unix_nano: Number(trace.start_unix_nano) + span[5] * 1000,
      duration_nano: span[6] * 1000,
      status: ['unset', 'ok', 'error'][span[7]],
      status_message: span[7] === 2 ? 'upstream answered 502' : '',
      attributes: [
        { key: 'http.request.method', value: 'GET' },
        { key: 'url.path', value: '/v1/feature/new-checkout/eval' },
        { key: 'server.address', value: 'relay-proxy' },
        { key: 'feature_flag.key', value: 'new-checkout' },
        { key: 'feature_flag.result.variant', value: 'on' },
        { key: 'feature_flag.result.reason', value: 'targeting_match' },
        ...HOSTILE.map((text, i) => ({ key: `hostile.${i}`, value: text.slice(0, 256) })),
      ],
      evaluations: trace.evaluations.filter((evaluation) => evaluation.span_id === spanId),
    };
  }

  /** Takes an OTLP/JSON request of spans as they are. */
  receive(request) {
    for (const { resource, scopeSpans } of request.resourceSpans) {
      const service = valueOf(resource.attributes, 'service.name');
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) this.#take(service, span);
    }
  }

  #take(service, span) {
    const start = Number(BigInt(span.startTimeUnixNano) / 1000n);
    if (!this.#traces.has(span.traceId)) {
      this.#traces.set(span.traceId, {
        trace_id: span.traceId,
        notes: [],
        names: [],
        services: [],
        spans: [],
        evaluations: [],
        start_unix_nano: span.startTimeUnixNano,
        summary: {
          trace_id: span.traceId,
          name: span.name,
          service,
          started_unix_ms: Math.floor(start / 1000),
          duration_us: 0,
          spans: 0,
          errors: 0,
          services: [service],
          flags: [],
        },
      });
    }
    const trace = this.#traces.get(span.traceId);
    const indexOf = (names, name) => (names.includes(name) ? names.indexOf(name) : names.push(name) - 1);
    const offset = start - Number(BigInt(trace.start_unix_nano) / 1000n);
    const duration = Number(BigInt(span.endTimeUnixNano) / 1000n) - start;
    const key = valueOf(span.attributes, 'feature_flag.key');
    if (key) {
      const variant = valueOf(span.attributes, 'feature_flag.result.variant');
      const evaluation = {
        number: ++this.#number,
        at_unix_ms: Date.now(),
        service,
        key,
        variant,
        value: '',
        reason: valueOf(span.attributes, 'feature_flag.result.reason'),
        error: '',
        provider: valueOf(span.attributes, 'feature_flag.provider.name'),
        version: '',
        trace_id: span.traceId,
        span_id: span.spanId,
        span: span.name,
        told_by: 'span',
      };
      this.#evaluations.push(evaluation);
      trace.evaluations.push({ ...evaluation, span_index: trace.spans.length, offset_us: offset });
      trace.summary.flags.push({ key, variant });
    }
    trace.spans.push([
      span.spanId,
      span.parentSpanId,
      indexOf(trace.names, span.name),
      indexOf(trace.services, service),
      span.kind,
      offset,
      duration,
      span.status.code ?? 0,
      key ? 1 : 0,
    ]);
    trace.summary.spans = trace.spans.length;
    trace.summary.duration_us = Math.max(trace.summary.duration_us, offset + duration);
  }

  rejections() {
    return rejectionsIn(this.scenario);
  }

  #pass() {
    const now = Date.now();
    while (this.#upTo < now) {
      this.#upTo += 60 + this.#random() * 240;
      const flag = FLAGS[Math.floor(this.#random() * this.#random() * FLAGS.length)];
      this.#happen(Math.min(this.#upTo, now), flag);
    }
    if (this.#evaluations.length > 5000) this.#evaluations.splice(0, 1000);
    while (this.#traces.size > 150)
      this.#traces.delete([...this.#traces.keys()].find((id, i) => i > 1 && this.#traces.get(id).spans.length < 8));
  }

  #happen(at, flag) {
    let pick = this.#random();
    const variant = flag.variants[flag.weights.findIndex((weight) => (pick -= weight) <= 0)] ?? flag.variants[0];
    const traceId = hex(this.#random, 32);
    const service = flag.services[Math.floor(this.#random() * flag.services.length)];
    const evaluation = {
      number: ++this.#number,
      at_unix_ms: Math.floor(at),
      service,
      key: flag.key,
      variant,
      value: '',
      reason: flag.error ? 'error' : this.#random() < 0.7 ? 'targeting_match' : 'split',
      error: flag.error ?? '',
      provider: 'GO Feature Flag',
      version: '3.1.0',
      trace_id: this.#random() < 0.9 ? traceId : '',
      span_id: 'b000000000000002',
      span: 'flagEvaluation',
      told_by: 'span',
    };
    this.#evaluations.push(evaluation);
    if (evaluation.trace_id) this.#traces.set(traceId, smallTrace(traceId, evaluation, this.#random));
  }

  #horizon(now) {
    return {
      bytes: 4_300_000,
      bytes_max: 33_554_432,
      oldest_unix_ms: this.scenario === 'waiting' ? 0 : Math.max(this.#started, now - 720_000),
      seen: 5 * this.#number,
      skipped: this.scenario === 'trouble' ? 12_000 + this.#number : 0,
      one_in: this.scenario === 'trouble' ? 4 : 1,
    };
  }
}

function smallTrace(traceId, evaluation, random) {
  const took = Math.round(4000 + random() * 90_000);
  const failed = evaluation.error ? 2 : 0;
  const spans = [
    ['a000000000000001', '', 0, 0, 2, 0, took, failed, 0],
    ['a000000000000002', 'a000000000000001', 1, 0, 3, 400, Math.round(took * 0.4), 0, 0],
    ['b000000000000001', 'a000000000000002', 2, 1, 2, 900, Math.round(took * 0.3), failed, 0],
    ['b000000000000002', 'b000000000000001', 3, 1, 1, 1000, Math.round(took * 0.1), 0, 1],
    ['a000000000000003', 'a000000000000001', 4, 0, 3, Math.round(took * 0.5), Math.round(took * 0.4), 0, 0],
  ];
  return {
    trace_id: traceId,
    notes: [],
    names: ['POST /checkout', 'POST', 'POST /ofrep/v1/evaluate/flags/:flagKey', 'flagEvaluation', 'SELECT orders'],
    services: [evaluation.service, 'go-feature-flag'],
    spans,
    start_unix_nano: `${evaluation.at_unix_ms}000000`,
    summary: {
      trace_id: traceId,
      name: 'POST /checkout',
      service: evaluation.service,
      started_unix_ms: evaluation.at_unix_ms,
      duration_us: took,
      spans: spans.length,
      errors: failed ? 2 : 0,
      services: [evaluation.service, 'go-feature-flag'],
      flags: [{ key: evaluation.key, variant: evaluation.variant }],
    },
    evaluations: [{ ...evaluation, span_index: 3, offset_us: 1000 }],
  };
}

// Enough of the filter language for the page's tests.
function passes(filter, evaluation) {
  const fields = { flag: 'key', trace: 'trace_id', span: 'span_id' };
  const terms = filter.match(/(\w+)(!?=)("[^"]*"|\S*)|\S+/g) ?? [];
  return terms.every((term) => {
    const parts = term.match(/^(\w+)(!?=)(.*)$/s);
    if (!parts) return [evaluation.key, evaluation.service, evaluation.span].some((text) => String(text).includes(term));
    const wanted = new RegExp(
      `^${parts[3]
        .replace(/^"|"$/g, '')
        .split('*')
        .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
        .join('[^]*')}$`,
    );
    return wanted.test(String(evaluation[fields[parts[1]] ?? parts[1]] ?? '')) === (parts[2] === '=');
  });
}

function valueOf(attributes, key) {
  return attributes.find((attribute) => attribute.key === key)?.value.stringValue ?? '';
}

function hex(random, length) {
  let text = '';
  while (text.length < length) text += Math.floor(random() * 16).toString(16);
  return text;
}
