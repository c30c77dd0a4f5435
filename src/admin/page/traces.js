// The traces that burgee remembers.

import { get, Refusal } from './api.js';
import { el, link, setText } from './dom.js';
import { clock, counted, duration, list, number, text } from './format.js';
import { address } from './router.js';
import { nameOr } from './spark.js';
import { Table } from './table.js';
import { FilterBox, pauseButton } from './toolbar.js';

/** `#/traces?filter=…` */
export class Traces {
  title = 'Traces';
  #counts = el('span', { class: 'counts', role: 'status' });

  constructor(app, { query }) {
    this.app = app;
    this.filterBox = new FilterBox({
      label: 'Filter of traces',
      placeholder: 'flag=new-* service=checkout',
      value: query.get('filter'),
      changed: (filter) => app.amend('traces', '', { filter }),
    });
    this.filter = this.filterBox.value;
    this.pauseButton = pauseButton(app);
    this.table = tracesTable(app, 'Traces, the latest first', () =>
      this.filter ? 'No trace passes this filter.' : 'No traces yet.',
    );
    this.element = el(
      'div',
      { class: 'view view-traces' },
      el('div', { class: 'toolbar' }, this.filterBox.element, this.pauseButton.element, this.#counts),
      this.table.element,
    );
    this.table.show([]);
  }

  async load() {
    const filter = this.filter;
    let answer;
    try {
      answer = await get('traces', { filter, limit: LISTED_MAX });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (filter === this.filter) this.filterBox.complain(error.message);
      return;
    }
    if (filter !== this.filter) return;
    this.filterBox.complain('');
    const traces = list(answer.traces);
    this.table.show(traces);
    const one = number(answer.horizon?.one_in);
    setText(
      this.#counts,
      [
        traces.length >= LISTED_MAX ? `the latest ${LISTED_MAX}` : counted(traces.length, 'trace'),
        one > 1 ? `1 of ${one} is kept` : '',
      ]
        .filter(Boolean)
        .join(' · '),
    );
  }

  update({ query }) {
    this.filter = text(query.get('filter')).trim();
    this.filterBox.value = this.filter;
    this.app.loadNow();
  }

  pauseChanged() {
    this.pauseButton.say();
  }
}

/** The table of traces, here and on a flag's own page. */
export function tracesTable(app, label, empty) {
  return new Table({
    name: 'traces',
    label,
    empty,
    key: (trace) => text(trace.trace_id),
    open: (trace) => app.go(address('trace', text(trace.trace_id))),
    rowClass: (trace) => (number(trace.errors) > 0 ? 'has-error' : ''),
    columns: [
      { id: 'time', title: 'Started', value: (t) => clock(t.started_unix_ms) },
      { id: 'service', title: 'Service', value: (t) => text(t.service) },
      {
        id: 'name',
        title: 'Name',
        value: (t) => nameOr(t.name, '(no name)'),
        node: (t) => link(address('trace', text(t.trace_id)), nameOr(t.name, '(no name)'), { tabindex: '-1' }),
      },
      { id: 'flags', title: 'Flags', value: (t) => JSON.stringify(list(t.flags)), node: (t) => chips(t.flags) },
      { id: 'duration', title: 'Duration', number: true, value: (t) => duration(t.duration_us) },
      { id: 'spans', title: 'Spans', number: true, value: (t) => number(t.spans).toLocaleString('en-US') },
      {
        id: 'errors',
        title: 'Errors',
        number: true,
        value: (t) => (number(t.errors) ? number(t.errors).toLocaleString('en-US') : ''),
      },
      { id: 'services', title: 'Services', value: (t) => list(t.services).map(text).join(', ') },
      { id: 'trace', title: 'Trace', value: (t) => text(t.trace_id).slice(0, 8) },
    ],
  });
}

/** Flags with their variants, the first few. */
function chips(flags) {
  const all = list(flags);
  const first = all
    .slice(0, CHIPS_MAX)
    .map((flag) => el('span', { class: 'chip' }, text(flag.key), text(flag.variant) ? el('b', {}, text(flag.variant)) : null));
  return [first, all.length > CHIPS_MAX ? el('span', { class: 'dim' }, `+${all.length - CHIPS_MAX}`) : null];
}

const LISTED_MAX = 100;
const CHIPS_MAX = 4;
