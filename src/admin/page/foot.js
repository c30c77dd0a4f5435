// The line at the bottom: how far back burgee remembers, its version, and whether it answers.

import { el, refill, setText } from './dom.js';
import { bytes, clock, count, number, span, text } from './format.js';

/** The footer. */
export class Foot {
  #horizon = el('span', { class: 'horizon' });
  #connection = el('span', { class: 'connection', role: 'status' });
  #version = el('span', { class: 'version' });

  constructor(element) {
    refill(element, this.#connection, this.#horizon, this.#version);
    setText(this.#connection, 'connecting …');
  }

  show(overview) {
    setText(this.#connection, '● connected');
    setText(this.#horizon, horizonOf(overview));
    const status = overview.status ?? {};
    setText(this.#version, `burgee ${text(status.version)}, up ${span(status.uptime_ms)}`);
  }

  lost(since, sentence) {
    setText(this.#connection, `■ burgee does not answer since ${clock(since).slice(0, 8)}; trying again. ${sentence}`);
  }

  complain(sentence) {
    setText(this.#connection, `▲ ${sentence}`);
  }
}

/** "keeping the last 12 min, 4.1 of 32 MiB; 1 of 4 traces kept, 12,000 items not looked at" */
export function horizonOf(overview) {
  const horizon = overview.horizon ?? {};
  const oldest = number(horizon.oldest_unix_ms);
  const kept = oldest
    ? `keeping the last ${span(Math.max(1000, number(overview.now_unix_ms) - oldest))}, ${bytes(horizon.bytes)} of ${bytes(horizon.bytes_max)}`
    : `keeping up to ${bytes(horizon.bytes_max)}`;
  const left = [];
  if (number(horizon.one_in) > 1) left.push(`1 of ${count(horizon.one_in)} traces kept`);
  if (number(horizon.skipped) > 0) left.push(`${count(horizon.skipped)} items not looked at`);
  return left.length > 0 ? `${kept}; ${left.join(', ')}` : kept;
}
