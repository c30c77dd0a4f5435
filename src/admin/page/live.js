// The live tail: every evaluation as it leaves, the latest on top.

import { get, Refusal } from './api.js';
import { el, link, setText } from './dom.js';
import { clock, count, counted, list, number, text } from './format.js';
import { anythingCame } from './pulse.js';
import { address, term } from './router.js';
import { nameOr } from './spark.js';
import { Table } from './table.js';
import { button, FilterBox, pauseButton } from './toolbar.js';
import { Welcome } from './welcome.js';

/** `#/live?filter=…` */
export class Live {
  title = 'Live';
  #after = 0;
  #missed = 0;
  #skippedBefore = null;
  #welcome = new Welcome();
  #counts = el('span', { class: 'counts', role: 'status' });
  #asking = null;

  constructor(app, { query }) {
    this.app = app;
    this.filterBox = new FilterBox({
      label: 'Filter of evaluations',
      placeholder: 'flag=new-* variant=on service=checkout',
      value: query.get('filter'),
      changed: (filter) => app.amend('live', '', { filter }),
    });
    this.filter = this.filterBox.value;
    this.pauseButton = pauseButton(app);
    this.table = evaluationsTable({
      name: 'live',
      label: 'Evaluations, the latest first',
      open: (evaluation) => app.go(whereOf(evaluation)),
      empty: () => this.#whyEmpty(),
    });
    this.table.element.addEventListener('click', (event) => {
      const told = event.target.closest('[data-term]')?.dataset.term;
      if (told) this.filterBox.add(told);
    });
    this.tail = el(
      'div',
      {},
      el(
        'div',
        { class: 'toolbar' },
        this.filterBox.element,
        this.pauseButton.element,
        button('Clear', 'c', () => this.clear()),
        this.#counts,
      ),
      this.table.element,
    );
    this.element = el('div', { class: 'view view-live' }, this.#welcome.element, this.tail);
    this.table.show([]);
  }

  async load() {
    const filter = this.filter;
    this.#asking?.abort();
    this.#asking = new AbortController();
    let answer;
    try {
      answer = await get('evaluations', { after: this.#after, limit: ASKED_MAX, filter }, this.#asking.signal);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (filter === this.filter) this.filterBox.complain(error.message);
      return;
    }
    // The filter may have changed meanwhile.
    if (filter !== this.filter) return;
    this.filterBox.complain('');
    this.#take(answer);
  }

  /** The address changed, but not the view. */
  update({ query }) {
    const filter = text(query.get('filter')).trim();
    if (filter === this.filter) return;
    this.filter = filter;
    this.filterBox.value = filter;
    this.#after = 0;
    this.#missed = 0;
    this.table.clear();
    this.app.loadNow();
  }

  overviewChanged(overview) {
    const came = anythingCame(overview) || this.table.size > 0;
    this.#welcome.element.hidden = came;
    this.tail.hidden = !came;
    if (!came) this.#welcome.show(overview);
    if (this.table.size === 0) this.table.clear();
  }

  pauseChanged() {
    this.pauseButton.say();
    this.#say();
  }

  leave() {
    this.#asking?.abort();
  }

  clear() {
    this.table.clear();
    this.#missed = 0;
    this.#skippedBefore = null;
    this.#say();
  }

  keys = { c: () => this.clear() };

  #take(answer) {
    const last = number(answer.last);
    // burgee was started anew and counts from 1 again.
    if (last < this.#after) this.table.clear();
    else if (this.#after > 0) this.#missed += number(answer.missed);
    const evaluations = list(answer.evaluations).filter(
      (evaluation) => last < this.#after || number(evaluation.number) > this.#after,
    );
    this.#after = last;
    if (evaluations.length > 0) this.table.prepend(evaluations, ROWS_MAX);
    const skipped = number(answer.horizon?.skipped);
    this.#skippedBefore ??= skipped;
    this.skipped = Math.max(0, skipped - this.#skippedBefore);
    this.#say();
  }

  #say() {
    const parts = [`${count(this.table.size)} shown`];
    if (this.table.size >= ROWS_MAX) parts[0] += ', older ones left the page';
    if (this.#missed > 0) parts.push(`${count(this.#missed)} missed`);
    if (this.skipped > 0) parts.push(`${counted(this.skipped, 'item')} not looked at`);
    if (this.app.paused) parts.unshift('paused');
    setText(this.#counts, parts.join(' · '));
  }

  #whyEmpty() {
    if (this.filter) return 'Nothing passes this filter yet.';
    if (this.app.pulse && this.app.overview) {
      const stage = this.app.stage('enriched');
      if (stage?.word === 'no flags') {
        return [
          'Telemetry comes in, but nothing in it tells of a flag. ',
          link('#/findings', 'Findings'),
          ' may say why; ',
          link('#/traces', 'Traces'),
          ' shows what came.',
        ];
      }
      if (this.app.stage('received')?.word === 'refused') {
        return ['Requests come in, but all were turned away. ', link('#/rejected', 'Rejected'), ' says why.'];
      }
    }
    return 'No evaluations yet.';
  }
}

/** The table of evaluations, here and on a flag's own page. */
export function evaluationsTable({ name, label, open, empty, without = [] }) {
  const columns = [
    { id: 'time', title: 'Time', value: (e) => clock(e.at_unix_ms) },
    { id: 'service', title: 'Service', value: (e) => text(e.service), node: (e) => told('service', e.service) },
    {
      id: 'flag',
      title: 'Flag',
      value: (e) => text(e.key),
      node: (e) => link(address('flags', text(e.key)), text(e.key), { tabindex: '-1' }),
    },
    { id: 'variant', title: 'Variant', value: (e) => `${text(e.variant)}=${text(e.value)}`, node: variantOf },
    { id: 'reason', title: 'Reason', value: (e) => text(e.reason), node: (e) => told('reason', e.reason) },
    {
      id: 'error',
      title: 'Error',
      value: (e) => text(e.error),
      node: (e) => (text(e.error) ? el('span', { class: 'bad' }, text(e.error)) : null),
    },
    { id: 'span', title: 'Told by', value: (e) => toldBy(e) },
    { id: 'trace', title: 'Trace', value: (e) => text(e.trace_id), node: traceLink },
  ];
  return new Table({
    name,
    label,
    open,
    empty,
    columns: columns.filter((column) => !without.includes(column.id)),
    key: (evaluation) => number(evaluation.number),
    rowClass: (evaluation) => (text(evaluation.error) ? 'has-error' : ''),
  });
}

/** Where the row of an evaluation leads: to its span if there is one. */
export function whereOf(evaluation) {
  const trace = text(evaluation.trace_id);
  return trace ? address('trace', trace, { span: text(evaluation.span_id) }) : address('flags', text(evaluation.key));
}

function variantOf(evaluation) {
  if (text(evaluation.variant)) return told('variant', evaluation.variant);
  if (text(evaluation.value))
    return el('span', { class: 'dim', title: 'No variant was told; this is the value.' }, '= ', text(evaluation.value));
  return null;
}

// A click takes it into the filter; the keyboard's way is to write it.
function told(field, value) {
  if (!text(value)) return null;
  const is = term(field, text(value));
  return el('span', { class: 'told', 'data-term': is, title: `Filter: ${is}` }, nameOr(value));
}

function toldBy(evaluation) {
  const by = text(evaluation.told_by);
  const span = text(evaluation.span);
  return span ? `${span} (${by || 'span'})` : by;
}

function traceLink(evaluation) {
  const trace = text(evaluation.trace_id);
  if (!trace) return null;
  return link(whereOf(evaluation), trace.slice(0, 8), { tabindex: '-1', class: 'mono', title: trace });
}

/** More rows than this leave the page. */
const ROWS_MAX = 1000;
const ASKED_MAX = 500;
