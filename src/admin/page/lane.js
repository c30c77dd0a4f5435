// The flag lane: every evaluation of a trace at its time, above the rows. To choose one dims what began before it.

import { el, refill, shown } from './dom.js';
import { duration, hue, list, number, text } from './format.js';
import { SHAPES } from './strip.js';

/** Markers over time; `chosen(evaluation or null)`. */
export class Lane {
  #markers = [];
  #at = -1;

  constructor(evaluations, waterfall, chosen) {
    this.waterfall = waterfall;
    this.chosen = chosen;
    this.evaluations = list(evaluations)
      .map((evaluation) => ({ ...evaluation, at: number(evaluation.offset_us) }))
      .sort((a, b) => a.at - b.at);
    this.track = el('div', { class: 'lane-track' });
    this.element = el(
      'div',
      { class: 'lane', role: 'group', 'aria-label': 'Flag evaluations; [ and ] go from one to the next' },
      this.track,
    );
    this.track.addEventListener('click', (event) => {
      const marker = event.target.closest('.marker');
      if (marker) this.choose(marker.evaluation === this.#at ? -1 : marker.evaluation);
    });
  }

  /** Goes to the next evaluation, or with -1 to the one before. */
  step(by) {
    if (this.evaluations.length === 0) return;
    const next = this.#at === -1 ? (by > 0 ? 0 : this.evaluations.length - 1) : this.#at + by;
    this.choose(Math.max(0, Math.min(this.evaluations.length - 1, next)));
  }

  /** Chooses the nth evaluation; -1 for none. */
  choose(nth) {
    this.#at = nth;
    this.draw();
    this.chosen(this.evaluations[nth] ?? null, nth);
  }

  get any() {
    return this.#at !== -1;
  }

  draw() {
    const width = this.track.clientWidth || 800;
    const ends = new Array(ROWS).fill(-Infinity);
    const ticks = new Set();
    this.#markers = [];
    let rows = 1;
    this.evaluations.forEach((evaluation, nth) => {
      const x = this.waterfall.x(evaluation.at);
      if (x < -0.001 || x > 1.001) return;
      const words = wordsOf(evaluation);
      const long = Math.min(LABEL_MAX_PX, words.length * LETTER_PX + 22);
      const at = Math.round(x * width);
      // A label at the right end is written to the left of its time.
      const left = Math.max(0, Math.min(at, width - long));
      const row = ends.findIndex((end) => end <= left);
      if (row !== -1) {
        ends[row] = left + long + 4;
        rows = Math.max(rows, row + 1);
        this.#markers.push(marker(evaluation, nth, words, left, row, at - left, this.#at));
      } else if (!ticks.has(at) || nth === this.#at) {
        ticks.add(at);
        this.#markers.push(tick(evaluation, nth, words, at, this.#at));
      }
    });
    this.track.style.height = `${rows * LANE_PX + (ticks.size > 0 ? 10 : 2)}px`;
    for (const made of this.#markers) if (made.classList.contains('tick')) made.style.top = `${rows * LANE_PX}px`;
    refill(this.track, this.#markers);
    (this.#markers.find((made) => made.evaluation === this.#at) ?? this.#markers[0])?.setAttribute('tabindex', '0');
  }
}

function marker(evaluation, nth, words, left, row, pin, chosen) {
  const made = el(
    'button',
    { type: 'button', class: `marker ${hue(text(evaluation.key))}${text(evaluation.error) ? ' is-error' : ''}` },
    el('span', { class: 'pin', 'aria-hidden': 'true' }),
    el('span', { class: 'marker-words' }, words),
  );
  made.style.left = `${left}px`;
  made.style.top = `${row * LANE_PX}px`;
  made.style.setProperty('--pin', `${pin}px`);
  return finish(made, evaluation, nth, chosen);
}

function tick(evaluation, nth, words, at, chosen) {
  const made = el('button', { type: 'button', class: `marker tick ${hue(text(evaluation.key))}`, 'aria-label': words });
  made.style.left = `${at}px`;
  return finish(made, evaluation, nth, chosen);
}

function finish(made, evaluation, nth, chosen) {
  made.evaluation = nth;
  made.tabIndex = -1;
  made.setAttribute('aria-pressed', String(nth === chosen));
  made.title = [
    shown(wordsOf(evaluation), 200),
    shown(text(evaluation.reason), 60),
    shown(text(evaluation.error), 100),
    `${shown(text(evaluation.service), 60)} at ${duration(evaluation.at)}`,
  ]
    .filter(Boolean)
    .join(' · ');
  return made;
}

function wordsOf(evaluation) {
  const variant = text(evaluation.variant) || text(evaluation.value);
  const words = variant ? `${text(evaluation.key)}=${variant}` : text(evaluation.key);
  return shown(text(evaluation.error) ? `${SHAPES.warn} ${words}` : words, 60);
}

const ROWS = 4;
const LANE_PX = 22;
const LETTER_PX = 6.6;
const LABEL_MAX_PX = 220;
