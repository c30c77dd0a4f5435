// Rates and states, from the differences of polled counters. No DOM in here.

import { list, number, text } from './format.js';

/**
 * What burgee's counters did lately. `take` is given every answer of /api/overview; the rest is asked for.
 */
export class Pulse {
  #samples = [];
  #process = '';
  /** For each counter, when it was last seen to grow. */
  #grew = {};

  take(overview, atMs) {
    const counts = countsOf(overview);
    const process = `${overview.status?.pid}/${overview.status?.started_unix_ms}`;
    if (process !== this.#process) {
      // Another burgee: its counters begin anew.
      this.#samples = [];
      this.#grew = {};
      this.#process = process;
    }
    const before = this.#samples.at(-1)?.counts;
    for (const name of Object.keys(counts)) {
      if (before && counts[name] > before[name]) this.#grew[name] = number(overview.now_unix_ms);
    }
    this.#samples.push({ atMs, counts });
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  /** Per second, over the last five seconds; null while there is nothing to compare with. */
  rate(name) {
    const last = this.#samples.at(-1);
    if (this.#samples.length < 2) return null;
    const first = this.#samples.find((sample) => last.atMs - sample.atMs <= WINDOW_MS);
    return perSecond(first, last, name);
  }

  /** The rate in each second of the last minute, the present one last. */
  history(name) {
    const rates = [];
    for (let i = 1; i < this.#samples.length; i++) {
      rates.push(perSecond(this.#samples[i - 1], this.#samples[i], name));
    }
    return rates;
  }

  /** When the counter was last seen to grow, by burgee's clock; 0 if it was not while this page looked. */
  grewAt(name) {
    return this.#grew[name] ?? 0;
  }

  /** Whether it grew in the last half minute. */
  growing(name, nowMs) {
    return nowMs - this.grewAt(name) < RECENT_MS;
  }
}

/**
 * The five stages from left to right: `{id, label, counter, figure, unit, last, state, word, note, grave, href}`.
 * `state` is one of ok, quiet, waiting, warn, bad; `word` says it.
 */
export function stages(overview, pulse) {
  const now = number(overview.now_unix_ms);
  const look = { overview, pulse, now, counts: countsOf(overview) };
  return [senders(look), received(look), enriched(look), queue(look), downstream(look)];
}

/** Whether burgee was ever sent anything. */
export function anythingCame(overview) {
  return countsOf(overview).requests > 0;
}

function senders({ overview, pulse, now, counts }) {
  const all = list(overview.senders?.senders);
  const active = all.filter((sender) => now - number(sender.last_seen_unix_ms) < QUIET_MS).length;
  const last = latestOf(all);
  const stage = {
    id: 'senders',
    label: 'Senders',
    counter: 'requests',
    figure: pulse.rate('requests'),
    unit: 'requests/s',
    last,
    href: '#/overview/senders',
    note: all.length > 0 ? `${active} of ${all.length} active` : '',
  };
  const found = worstOf(list(overview.findings?.findings).filter((finding) => /^[NPCXT]/.test(text(finding.id))));
  if (found) {
    const note = `${text(found.id)}: ${text(found.title)}`;
    Object.assign(stage, { note, grave: true, href: `#/findings/${encodeURIComponent(text(found.id))}` });
  }
  if (all.length === 0 && counts.requests === 0) return { ...stage, state: 'waiting', word: 'waiting' };
  if (found) return { ...stage, state: found.severity === 'error' ? 'bad' : 'warn', word: 'finding' };
  if (active === 0) return { ...stage, state: 'quiet', word: 'quiet' };
  return { ...stage, state: 'ok', word: 'sending' };
}

function received({ overview, pulse, now, counts }) {
  const turnedAway = counts.refused + counts.rejected;
  const stage = {
    id: 'received',
    label: 'Received',
    counter: 'accepted',
    figure: pulse.rate('accepted'),
    unit: 'items/s',
    last: pulse.grewAt('accepted') || latestOf(list(overview.senders?.senders)),
    href: turnedAway > 0 ? '#/rejected' : '#/overview/received',
    note: turnedAway > 0 ? `${turnedAway.toLocaleString('en-US')} turned away` : '',
    grave: turnedAway > 0,
  };
  if (counts.requests === 0) return { ...stage, state: 'waiting', word: 'waiting' };
  if (counts.accepted === 0 && turnedAway > 0) return { ...stage, state: 'bad', word: 'refused' };
  if (pulse.growing('refused', now)) return { ...stage, state: 'warn', word: 'refusing' };
  if (pulse.growing('rejected', now)) return { ...stage, state: 'warn', word: 'rejecting' };
  return { ...stage, ...okOrQuiet(stage.last, now) };
}

function enriched({ overview, pulse, now, counts }) {
  const telling = list(overview.senders?.senders).filter((sender) => number(sender.evaluations) > 0);
  const failure = list(overview.status?.definitions).find((definitions) => definitions.failure)?.failure;
  const stage = {
    id: 'enriched',
    label: 'Enriched',
    counter: 'evaluations',
    figure: pulse.rate('evaluations'),
    unit: 'flags/s',
    last: pulse.grewAt('evaluations') || latestOf(telling),
    href: '#/flags',
    note: '',
  };
  if (failure) {
    const note = `definitions: ${text(failure.message)}`;
    return { ...stage, state: 'warn', word: 'stale', note, grave: true, href: '#/overview/definitions' };
  }
  if (counts.accepted === 0) return { ...stage, state: 'waiting', word: 'waiting' };
  if (counts.evaluations === 0) {
    return { ...stage, state: 'warn', word: 'no flags', note: 'nothing tells of a flag', href: '#/findings' };
  }
  return { ...stage, ...okOrQuiet(stage.last, now) };
}

function queue({ overview, pulse, now, counts }) {
  const outboxes = list(overview.status?.outboxes);
  const fill = Math.max(0, ...outboxes.map(fillOf));
  const stage = {
    id: 'queue',
    label: 'Queue',
    counter: 'put',
    figure: pulse.rate('put'),
    unit: 'items/s',
    last: pulse.grewAt('put'),
    href: '#/overview/queue',
    grave: counts.dropped > 0,
    note:
      counts.dropped > 0
        ? `${counts.dropped.toLocaleString('en-US')} dropped`
        : `${counts.held.toLocaleString('en-US')} held, ${Math.round(100 * fill)} % full`,
  };
  if (outboxes.some((outbox) => outbox.isolated)) return { ...stage, state: 'bad', word: 'full' };
  if (pulse.growing('dropped', now)) return { ...stage, state: 'bad', word: 'dropping' };
  if (fill >= 0.8) return { ...stage, state: 'warn', word: 'filling' };
  if (counts.put === 0) return { ...stage, state: 'waiting', word: 'waiting' };
  return { ...stage, state: 'ok', word: counts.held > 0 ? 'moving' : 'empty' };
}

function downstream({ overview, pulse, now, counts }) {
  const outboxes = list(overview.status?.outboxes);
  const tried = outboxes.filter((outbox) => outbox.last);
  const last = Math.max(0, ...tried.map((outbox) => number(outbox.last.at_unix_ms)));
  const worst = tried.reduce((worst, outbox) => (gravity(outbox) > gravity(worst) ? outbox : worst), tried[0]);
  const stage = {
    id: 'downstream',
    label: 'Downstream',
    counter: 'sent',
    figure: pulse.rate('sent'),
    unit: 'items/s',
    last: pulse.grewAt('sent') || last,
    href: '#/overview/downstream',
    note: worst && gravity(worst) > 0 ? `${text(worst.exporter)}: ${text(worst.last.message)}` : exporterNames(outboxes),
    grave: Boolean(worst) && gravity(worst) > 0,
  };
  if (outboxes.length === 0) return { ...stage, state: 'quiet', word: 'none' };
  if (!worst)
    return counts.sent > 0 ? { ...stage, ...okOrQuiet(stage.last, now) } : { ...stage, state: 'waiting', word: 'waiting' };
  const [state, word] = OUTCOMES[worst.last.what] ?? ['warn', text(worst.last.what)];
  return state === 'ok' ? { ...stage, ...okOrQuiet(stage.last, now) } : { ...stage, state, word };
}

/** How full an outbox is, from 0 to 1. */
export function fillOf(outbox) {
  const held = { requests: outbox.held_requests, items: outbox.held_items, bytes: outbox.held_bytes }[outbox.sizer];
  const byCapacity = number(outbox.capacity) > 0 ? number(held) / outbox.capacity : 0;
  const byBytes = number(outbox.bytes_max) > 0 ? number(outbox.held_bytes) / outbox.bytes_max : 0;
  return Math.min(1, Math.max(byCapacity, byBytes));
}

function countsOf(overview) {
  const status = overview.status ?? {};
  const sum = (of, value) => list(of).reduce((total, one) => total + number(value(one)), 0);
  const dropped = (outbox) => sum(outbox.dropped, (dropped) => dropped.items) + number(outbox.rejected);
  return {
    requests: sum(status.doors, (door) => door.requests),
    accepted: sum(status.doors, (door) => door.items_accepted),
    refused: sum(status.doors, (door) => door.refused),
    rejected: sum(status.doors, (door) => door.rejected),
    evaluations: sum(status.pipelines, (pipeline) => pipeline.evaluations),
    put: sum(status.outboxes, (outbox) => outbox.put),
    sent: sum(status.outboxes, (outbox) => outbox.sent),
    held: sum(status.outboxes, (outbox) => outbox.held_items),
    dropped: sum(status.outboxes, dropped),
  };
}

function okOrQuiet(last, now) {
  return now - last < QUIET_MS ? { state: 'ok', word: 'ok' } : { state: 'quiet', word: 'quiet' };
}

// The gravest finding that holds and is more than information.
function worstOf(findings) {
  const open = findings.filter((finding) => (finding.resolved_unix_ms ?? null) === null);
  return open.find((finding) => finding.severity === 'error') ?? open.find((finding) => finding.severity === 'warning');
}

function latestOf(senders) {
  return Math.max(0, ...senders.map((sender) => number(sender.last_seen_unix_ms)));
}

function gravity(outbox) {
  return { accepted: 0, partly: 1, retry_later: 2, too_large: 3, rejected: 3 }[outbox?.last?.what] ?? 0;
}

function exporterNames(outboxes) {
  return [...new Set(outboxes.map((outbox) => text(outbox.exporter)))].join(', ');
}

function perSecond(first, last, name) {
  if (!first || !last || last.atMs <= first.atMs) return 0;
  return Math.max(0, (1000 * (last.counts[name] - first.counts[name])) / (last.atMs - first.atMs));
}

const OUTCOMES = {
  accepted: ['ok', 'ok'],
  partly: ['warn', 'partly taken'],
  retry_later: ['warn', 'retrying'],
  too_large: ['bad', 'too large'],
  rejected: ['bad', 'rejected'],
};
const SAMPLES_MAX = 61;
const WINDOW_MS = 5_500;
const RECENT_MS = 30_000;
/** After so long without news a stage is quiet. */
const QUIET_MS = 60_000;
