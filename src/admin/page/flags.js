// Every flag that was evaluated.

import { get } from './api.js';
import { el, link, setText } from './dom.js';
import { ago, count, counted, list, number, perSecond, short, text } from './format.js';
import { address } from './router.js';
import { shares, Spark } from './spark.js';
import { Table } from './table.js';
import { FilterBox, pauseButton } from './toolbar.js';

/** `#/flags?filter=…` */
export class Flags {
  title = 'Flags';
  #flags = [];
  #sparks = new Map();
  #counts = el('span', { class: 'counts', role: 'status' });

  constructor(app, { query }) {
    this.app = app;
    this.filterBox = new FilterBox({
      label: 'Flags whose key, variants or services have these words',
      placeholder: 'words in key, variant, service',
      value: query.get('filter'),
      changed: (filter) => app.amend('flags', '', { filter }),
    });
    this.pauseButton = pauseButton(app);
    this.table = new Table({
      name: 'flags',
      label: 'Flags',
      sort: { id: 'flag', down: false },
      columns: this.#columns(),
      key: (flag) => text(flag.key),
      open: (flag) => app.go(address('flags', text(flag.key))),
      rowClass: (flag) => (number(flag.errors) > 0 ? 'has-error' : ''),
      empty: () => (this.filterBox.value ? 'No flag has these words.' : 'No flag was evaluated yet.'),
    });
    this.element = el(
      'div',
      { class: 'view view-flags' },
      el('div', { class: 'toolbar' }, this.filterBox.element, this.pauseButton.element, this.#counts),
      this.table.element,
    );
    this.table.show([]);
  }

  async load() {
    const answer = await get('flags');
    this.#flags = list(answer.flags);
    this.beyond = number(answer.beyond);
    this.#show();
  }

  update({ query }) {
    this.filterBox.value = text(query.get('filter')).trim();
    this.#show();
  }

  pauseChanged() {
    this.pauseButton.say();
  }

  #show() {
    const words = this.filterBox.value.toLowerCase().split(/\s+/).filter(Boolean);
    const passing =
      words.length === 0 ? this.#flags : this.#flags.filter((flag) => words.every((word) => wordsOf(flag).includes(word)));
    this.table.show(passing.slice(0, ROWS_MAX));
    const parts = [
      passing.length === this.#flags.length
        ? counted(passing.length, 'flag')
        : `${count(passing.length)} of ${counted(this.#flags.length, 'flag')}`,
    ];
    if (passing.length > ROWS_MAX) parts.push(`the first ${count(ROWS_MAX)} shown, filter for the others`);
    if (this.beyond > 0) parts.push(`${counted(this.beyond, 'evaluation')} of further flags that burgee does not count apart`);
    setText(this.#counts, parts.join(' · '));
  }

  #columns() {
    const now = () => number(this.app.overview?.now_unix_ms) || Date.now();
    return [
      {
        id: 'flag',
        title: 'Flag',
        value: (f) => text(f.key),
        node: (f) => link(address('flags', text(f.key)), text(f.key), { tabindex: '-1' }),
        order: (f) => text(f.key),
      },
      { id: 'variants', title: 'Variants', value: (f) => JSON.stringify(list(f.variants)), node: (f) => shares(f.variants) },
      { id: 'reasons', title: 'Reasons', value: (f) => namesOf(f.reasons) },
      { id: 'services', title: 'Services', value: (f) => list(f.services).map(text).join(', ') },
      { id: 'recent', title: 'Last 5 min', value: (f) => list(f.recent).join(), node: (f) => this.#spark(f) },
      { id: 'rate', title: 'Rate', number: true, value: (f) => `${perSecond(rateOf(f))}/s`, order: rateOf },
      { id: 'count', title: 'Total', number: true, value: (f) => short(f.evaluations), order: (f) => number(f.evaluations) },
      {
        id: 'errors',
        title: 'Errors',
        number: true,
        value: (f) => (number(f.errors) ? short(f.errors) : ''),
        order: (f) => number(f.errors),
      },
      {
        id: 'seen',
        title: 'Last seen',
        number: true,
        value: (f) => ago(f.last_seen_unix_ms, now()),
        order: (f) => number(f.last_seen_unix_ms),
      },
    ];
  }

  #spark(flag) {
    const key = text(flag.key);
    if (!this.#sparks.has(key)) this.#sparks.set(key, new Spark({ width: 90, height: 20, points: 30 }));
    const spark = this.#sparks.get(key);
    spark.show(flag.recent);
    return spark.element;
  }
}

/** Evaluations per second over the last whole ten seconds. */
export function rateOf(flag) {
  const recent = list(flag.recent);
  return number(recent.at(-2) ?? recent.at(-1)) / 10;
}

function wordsOf(flag) {
  return [flag.key, ...list(flag.variants).map((share) => share.name), ...list(flag.services)].map(text).join(' ').toLowerCase();
}

function namesOf(of) {
  return list(of)
    .map((share) => text(share.name) || '—')
    .join(', ');
}

const ROWS_MAX = 500;
