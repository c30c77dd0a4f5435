// One span at length, beside the waterfall.

import { get, Refusal } from './api.js';
import { el, link, refill } from './dom.js';
import { clock, duration, list, number, text } from './format.js';
import { address } from './router.js';
import { nameOr } from './spark.js';
import { copyButton } from './toolbar.js';
import { oddities } from './tree.js';

/** Shows what is known at once, and attributes when they came. */
export class SpanPanel {
  #asking = null;

  constructor(trace, { close, select }) {
    Object.assign(this, { trace, close, select });
    this.element = el('aside', { class: 'span-panel', 'aria-label': 'Span', hidden: true });
  }

  get open() {
    return !this.element.hidden;
  }

  hide() {
    this.#asking?.abort();
    this.element.hidden = true;
  }

  async show(tree, index) {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    this.element.hidden = false;
    const more = el('div', { class: 'more' }, el('p', { class: 'dim' }, '…'));
    refill(this.element, this.#head(tree, index), more);
    try {
      const id = encodeURIComponent(tree.id[index]);
      const span = await get(`trace/${encodeURIComponent(this.trace.trace_id)}/span/${id}`, {}, asking.signal);
      refill(more, details(span));
    } catch (error) {
      if (asking.signal.aborted) return;
      refill(more, el('p', { class: 'bad' }, error instanceof Refusal ? error.message : 'burgee does not answer.'));
    }
  }

  #head(tree, index) {
    const up = tree.up[index];
    const parent =
      up === -1
        ? text(tree.parent[index]) || 'none'
        : el('button', { type: 'button', class: 'linklike mono', on: { click: () => this.select(up) } }, tree.id[up]);
    const odd = oddities(tree, index);
    return el(
      'div',
      {},
      el(
        'header',
        { class: 'span-head' },
        el('h2', {}, nameOr(tree.nameOf(index), '(no name)')),
        el('button', { type: 'button', class: 'button', 'aria-label': 'Close', on: { click: this.close } }, '✕'),
      ),
      odd.map((sentence) => el('p', { class: 'note' }, sentence)),
      pairs([
        ['Service', nameOr(tree.serviceOf(index))],
        ['Kind', KINDS[tree.kind[index]] ?? 'unspecified'],
        [
          'Status',
          tree.status[index] === 2 ? el('span', { class: 'bad' }, '■ error') : (STATUSES[tree.status[index]] ?? 'unset'),
        ],
        ['Begins', `+${duration(tree.start[index] - tree.begin)}`],
        ['Takes', duration(tree.duration[index])],
        ['Span', [el('span', { class: 'mono' }, tree.id[index]), ' ', copyButton(tree.id[index])]],
        ['Parent', parent],
      ]),
    );
  }
}

function details(span) {
  const attributes = list(span.attributes);
  const evaluations = list(span.evaluations);
  return [
    text(span.status_message) ? el('p', { class: 'note bad' }, text(span.status_message)) : null,
    evaluations.length > 0 ? el('h3', {}, 'Flags') : null,
    evaluations.map((evaluation) =>
      el(
        'div',
        { class: 'told-flag' },
        link(address('flags', text(evaluation.key)), text(evaluation.key)),
        ' = ',
        el('b', {}, nameOr(text(evaluation.variant) || text(evaluation.value))),
        el(
          'span',
          { class: 'dim' },
          ` ${[text(evaluation.reason), text(evaluation.provider), text(evaluation.version) && `version ${text(evaluation.version)}`, `told by ${nameOr(evaluation.told_by, 'span')}`].filter(Boolean).join(', ')}`,
        ),
        text(evaluation.error) ? el('span', { class: 'bad' }, ` ${text(evaluation.error)}`) : null,
      ),
    ),
    el('h3', {}, attributes.length > 0 ? 'Attributes' : 'No attributes'),
    el(
      'dl',
      { class: 'attributes' },
      attributes.map((attribute) => [
        el('dt', { class: text(attribute.key).startsWith('feature_flag') ? 'of-flag' : null }, text(attribute.key)),
        el('dd', {}, text(attribute.value)),
      ]),
    ),
    number(span.start_unix_nano)
      ? el('p', { class: 'dim' }, `Began at ${clock(number(span.start_unix_nano) / 1e6)} by its sender's clock.`)
      : null,
  ];
}

function pairs(of) {
  return el(
    'dl',
    { class: 'pairs' },
    of.map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]),
  );
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
const STATUSES = ['unset', 'ok', 'error'];
