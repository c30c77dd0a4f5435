// The requests that were turned away: by whom sent, why, and what would have been right.

import { get } from './api.js';
import { el, setText } from './dom.js';
import { bytes, clock, counted, list, number, text } from './format.js';
import { hintFor } from './hints.js';
import { Table } from './table.js';
import { pauseButton } from './toolbar.js';

/** `#/rejected` */
export class Rejected {
  title = 'Rejected';
  #counts = el('span', { class: 'counts', role: 'status' });

  constructor(app) {
    this.app = app;
    this.pauseButton = pauseButton(app);
    this.table = new Table({
      name: 'rejected',
      label: 'Requests that were turned away, the latest first',
      columns: COLUMNS,
      key: (rejection) => rejection.rowKey,
      empty: () => 'No request was turned away.',
      rowClass: (rejection) => (this.#opened.has(rejection.rowKey) ? 'opened' : ''),
      open: (rejection) => this.#toggle(rejection),
    });
    this.element = el(
      'div',
      { class: 'view view-rejected' },
      el('div', { class: 'toolbar' }, this.pauseButton.element, this.#counts),
      this.table.element,
    );
    this.table.show([]);
  }

  #opened = new Set();

  async load() {
    const answer = await get('rejections');
    const rejections = list(answer.rejections);
    this.table.show(withKeys(rejections));
    const total = number(answer.total);
    setText(
      this.#counts,
      total > rejections.length
        ? `the latest ${rejections.length} of ${counted(total, 'request')} since the start`
        : counted(total, 'request'),
    );
  }

  pauseChanged() {
    this.pauseButton.say();
  }

  // Cells are cut to a line until their row is opened.
  #toggle(rejection) {
    if (!this.#opened.delete(rejection.rowKey)) this.#opened.add(rejection.rowKey);
    this.table.show(this.table.items);
  }
}

// Rejections have no number; what is equal in all fields is counted.
function withKeys(rejections) {
  const times = new Map();
  return [...rejections]
    .reverse()
    .map((rejection) => {
      const same = JSON.stringify(rejection);
      const nth = (times.get(same) ?? 0) + 1;
      times.set(same, nth);
      return { ...rejection, rowKey: `${nth} ${same}` };
    })
    .reverse();
}

const COLUMNS = [
  { id: 'time', title: 'Time', value: (r) => clock(r.at_unix_ms) },
  { id: 'peer', title: 'From', value: (r) => text(r.peer) },
  { id: 'path', title: 'Request', value: (r) => `${text(r.method)} ${text(r.path)}`.trim() },
  {
    id: 'status',
    title: 'Status',
    value: (r) => (text(r.transport) === 'grpc' ? `gRPC ${number(r.status)}` : String(number(r.status))),
  },
  {
    id: 'reason',
    title: 'Reason and hint',
    value: (r) => `${text(r.reason)} ${hintFor(r)}`,
    node: (r) => [el('span', { class: 'reason' }, text(r.reason)), hintFor(r) ? el('span', { class: 'hint' }, hintFor(r)) : null],
  },
  {
    id: 'content',
    title: 'Content',
    value: (r) => [text(r.content_type) || 'no content type', text(r.content_encoding)].filter(Boolean).join(', '),
  },
  { id: 'agent', title: 'User agent', value: (r) => text(r.user_agent) },
  { id: 'listener', title: 'To', value: (r) => text(r.listener) },
  { id: 'bytes', title: 'Size', number: true, value: (r) => (r.bytes === null || r.bytes === undefined ? '' : bytes(r.bytes)) },
];
