// One trace: head, flag lane, waterfall, and a span at length.

import { get, Refusal } from './api.js';
import { el, refill, setText } from './dom.js';
import { counted, dated, duration, list, number, text } from './format.js';
import { Lane } from './lane.js';
import { nameOr } from './spark.js';
import { SpanPanel } from './span.js';
import { button, copyButton, FilterBox } from './toolbar.js';
import { Tree } from './tree.js';
import { Waterfall } from './waterfall.js';

/** `#/trace/<id>?span=<id>` */
export class Trace {
  back = '#/traces';
  #waterfall = null;
  #lane = null;
  #panel = null;
  #said = el('span', { class: 'counts', role: 'status' });

  constructor(app, { id, query }) {
    this.app = app;
    this.id = id;
    this.title = `Trace ${id.slice(0, 8)}`;
    this.wanted = text(query.get('span'));
    performance.mark('burgee:trace-asked');
    this.element = el('div', { class: 'view view-trace' }, el('p', { class: 'dim empty' }, 'Asking for the trace…'));
    this.#ask();
  }

  update({ id, query }) {
    this.wanted = text(query.get('span'));
    if (id === this.id && this.tree && this.wanted) this.#waterfall.select(this.tree.find(this.wanted), { middle: true });
  }

  leave() {
    this.#waterfall?.leave();
    this.#panel?.hide();
    this.left = true;
  }

  /** Esc closes one thing after the other, then leads back. */
  escape() {
    if (this.#panel?.open) this.#closePanel();
    else if (this.#lane?.any) this.#lane.choose(-1);
    else return false;
    return true;
  }

  pressed(name, event) {
    if (name === 'r') return (this.#ask(), true);
    if (name === '[' || name === ']') return (this.#lane?.step(name === ']' ? 1 : -1), true);
    // Buttons and links have their own Enter.
    if (name === 'Enter' && event.target.closest?.('a, button')) return false;
    return this.#waterfall?.key(name) ?? false;
  }

  async #ask() {
    let trace;
    try {
      trace = await get(`trace/${encodeURIComponent(this.id)}`);
    } catch (error) {
      const sentence = error instanceof Refusal ? error.message : 'burgee does not answer. r asks again.';
      if (!this.left) this.#sayInstead(sentence);
      return;
    }
    if (!this.left) this.#show(trace);
  }

  #sayInstead(sentence) {
    refill(
      this.element,
      el('div', { class: 'head' }, el('a', { href: this.back, class: 'crumb' }, 'Traces'), el('h1', { class: 'mono' }, this.id)),
      el('p', { class: 'empty' }, sentence),
    );
  }

  #show(trace) {
    this.#waterfall?.leave();
    const tree = new Tree(trace);
    this.tree = tree;
    const id = text(trace.trace_id) || this.id;
    this.#panel = new SpanPanel(
      { ...trace, trace_id: id },
      { close: () => this.#closePanel(), select: (index) => this.#select(index) },
    );
    this.#waterfall = new Waterfall(tree, {
      selected: (index) => this.#selected(index),
      opened: (index) => this.#panel.show(tree, index),
    });
    this.#lane = new Lane(trace.evaluations, this.#waterfall, (evaluation, nth) => this.#chose(evaluation, nth));
    this.#waterfall.zoomed = () => this.#lane.draw();
    this.#waterfall.painted = () => requestAnimationFrame(() => setTimeout(() => performance.mark('burgee:trace-painted')));
    this.findBox = new FilterBox({
      label: 'Find spans by name, service or id',
      placeholder: 'find spans',
      value: '',
      changed: (words) => this.#find(words),
    });
    this.filterBox = this.findBox;
    refill(this.element, this.#head(trace, id), this.#notes(trace, tree), this.#tools(), this.#body());
    this.#waterfall.draw();
    this.#lane.draw();
    new ResizeObserver(() => this.#lane.draw()).observe(this.#lane.track);
    if (tree.size === 0) setText(this.#said, 'This trace has no spans.');
    const wanted = tree.find(this.wanted);
    if (wanted !== -1) {
      this.#waterfall.select(wanted, { middle: true });
      this.#panel.show(tree, wanted);
    }
    this.#waterfall.element.focus({ preventScroll: true });
  }

  #head(trace, id) {
    const { tree } = this;
    const summary = trace.summary ?? {};
    const started = number(summary.started_unix_ms) || number(trace.start_unix_nano) / 1e6;
    const errors = tree.status.reduce((sum, status) => sum + (status === 2 ? 1 : 0), 0);
    return [
      el(
        'div',
        { class: 'head' },
        el('a', { href: this.back, class: 'crumb' }, 'Traces'),
        el('h1', {}, nameOr(summary.name, '(no name)')),
        el('span', { class: 'dim' }, text(summary.service)),
        el(
          'span',
          { class: 'head-id' },
          el('code', {}, id),
          copyButton(id, 'Copy id'),
          el('a', { class: 'button', href: `/api/trace/${encodeURIComponent(id)}` }, 'JSON'),
        ),
      ),
      el(
        'p',
        { class: 'dim facts-line' },
        [
          dated(started),
          duration(tree.span - tree.begin),
          counted(tree.size, 'span'),
          counted(list(trace.services).length, 'service'),
          counted(list(trace.evaluations).length, 'evaluation'),
          errors > 0 ? counted(errors, 'error') : '',
        ]
          .filter(Boolean)
          .join(' · '),
      ),
    ];
  }

  #notes(trace, tree) {
    const notes = list(trace.notes).map(text);
    if (tree.twice > 0 && notes.length === 0) notes.push(`${counted(tree.twice, 'span')} came with an id that another span has.`);
    if (notes.length === 0) return null;
    return el(
      'ul',
      { class: 'notes', 'aria-label': 'What is odd about this trace' },
      notes.slice(0, 20).map((note) => el('li', {}, note)),
    );
  }

  #tools() {
    const key = (name) => () => this.#waterfall.key(name);
    return el(
      'div',
      { class: 'toolbar' },
      this.findBox.element,
      button('Fold', 'e', key('e')),
      button('Zoom in', '+', key('+')),
      button('Out', '-', key('-')),
      button('All', '0', key('0')),
      this.#said,
    );
  }

  #body() {
    const head = el(
      'div',
      { class: 'wf-head' },
      el(
        'div',
        { class: 'wf-left' },
        this.#lane.evaluations.length > 0
          ? ['Flags ', el('span', { class: 'dim' }, el('kbd', {}, '['), ' ', el('kbd', {}, ']'))]
          : 'No flag was evaluated',
      ),
      this.#lane.element,
    );
    const axis = el(
      'div',
      { class: 'wf-head wf-axis-row' },
      el('div', { class: 'wf-left dim' }, 'Service and span'),
      this.#waterfall.axis,
    );
    const rows = el(
      'div',
      { class: 'wf-body' },
      this.#waterfall.element,
      el('div', { class: 'wf-over', 'aria-hidden': 'true' }, el('div', {}, this.#waterfall.cutLine)),
    );
    return el('div', { class: 'wf' }, el('div', { class: 'wf-main' }, head, axis, rows), this.#panel.element);
  }

  #select(index) {
    this.#waterfall.select(index);
    this.#waterfall.element.focus({ preventScroll: true });
  }

  #selected(index) {
    this.app.amend('trace', this.id, { span: this.tree.id[index] }, { quietly: true });
    if (this.#panel.open) {
      // Held keys shall not ask for every span on their way.
      clearTimeout(this.asking);
      this.asking = setTimeout(() => this.#panel.open && this.#panel.show(this.tree, this.#waterfall.selected), 60);
    }
  }

  #chose(evaluation, nth) {
    this.#waterfall.cut = evaluation ? evaluation.at : -1;
    if (!evaluation) {
      setText(this.#said, '');
      return;
    }
    const before = this.tree.start.reduce((sum, start) => sum + (start < evaluation.at ? 1 : 0), 0);
    setText(
      this.#said,
      `${nth + 1} of ${this.#lane.evaluations.length}: ${text(evaluation.key)}=${text(evaluation.variant) || text(evaluation.value)}, ${text(evaluation.reason) || 'no reason'}; ${counted(before, 'span')} began before it`,
    );
    const index = number(evaluation.span_index);
    if (index >= 0 && index < this.tree.size) this.#waterfall.select(index);
  }

  #closePanel() {
    this.#panel.hide();
    this.#waterfall.element.focus({ preventScroll: true });
  }

  // Each Enter goes to the next match.
  #find(words) {
    const { tree } = this;
    if (!words) {
      this.#waterfall.mark(null);
      setText(this.#said, '');
      return;
    }
    const wanted = words.toLowerCase();
    const has = (texts) => Uint8Array.from(texts, (one) => (one.toLowerCase().includes(wanted) ? 1 : 0));
    const names = has(tree.names);
    const services = has(tree.services);
    const matching = Uint8Array.from(
      { length: tree.size },
      (_, i) => names[tree.name[i]] | services[tree.service[i]] | (tree.id[i] === wanted ? 1 : 0),
    );
    const places = tree.order.filter((i) => matching[i] === 1);
    this.#waterfall.mark(matching);
    const same = this.found === words;
    this.found = words;
    const here = tree.place[this.#waterfall.selected] ?? 0;
    const next = places.find((i) => (same ? tree.place[i] > here : tree.place[i] >= here)) ?? places[0];
    setText(
      this.#said,
      places.length === 0
        ? 'no span matches'
        : `${counted(places.length, 'span')} match${places.length === 1 ? 'es' : ''}; Enter goes to the next`,
    );
    if (next !== undefined) this.#waterfall.select(next, { middle: true });
  }
}
