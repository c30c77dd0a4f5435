// The strip at length: who sends, what came in, what was made of it, what waits, how the downstreams answered.

import { el, refill } from './dom.js';
import { ago, bytes, count, dated, list, number, percent, span, text } from './format.js';
import { anythingCame, fillOf } from './pulse.js';
import { nameOr } from './spark.js';
import { Table } from './table.js';
import { Welcome } from './welcome.js';

/** `#/overview/<section>`: senders, received, enriched, queue, downstream, definitions, process. */
export class Overview {
  title = 'Overview';
  #welcome = new Welcome();
  #process = el('dl', { class: 'pairs' });
  #sections = new Map();

  constructor(app, { id }) {
    this.app = app;
    this.wanted = id;
    this.tables = tables(() => number(this.app.overview?.now_unix_ms) || Date.now());
    this.element = el('div', { class: 'view view-overview' }, this.#welcome.element);
    for (const [name, title] of SECTIONS) {
      const table = this.tables[name];
      const body = table ? table.element : this.#process;
      const section = el('section', { id: `at-${name}`, tabindex: '-1', class: 'part' }, el('h2', {}, title), body);
      this.#sections.set(name, section);
      this.element.append(section);
      table?.show([]);
    }
    if (app.overview) this.overviewChanged(app.overview);
  }

  update({ id }) {
    this.wanted = id;
    this.#goToWanted();
  }

  overviewChanged(overview) {
    const status = overview.status ?? {};
    this.#welcome.element.hidden = anythingCame(overview);
    if (!this.#welcome.element.hidden) this.#welcome.show(overview);
    this.tables.senders.show(list(overview.senders?.senders));
    this.tables.received.show(list(status.doors));
    this.tables.enriched.show(list(status.pipelines));
    this.tables.queue.show(list(status.outboxes));
    this.tables.downstream.show(list(status.outboxes));
    this.tables.definitions.show(list(status.definitions));
    this.#sections.get('definitions').hidden = list(status.definitions).length === 0;
    this.#showProcess(overview);
    this.#goToWanted();
  }

  #goToWanted() {
    if (!this.element.isConnected) return;
    const section = this.#sections.get(this.wanted);
    this.wanted = '';
    if (!section) return;
    section.scrollIntoView({ block: 'start' });
    section.focus({ preventScroll: true });
  }

  #showProcess(overview) {
    const status = overview.status ?? {};
    const configuration = status.configuration ?? {};
    const memory = status.memory ?? {};
    const pairs = [
      ['Version', `${nameOr(status.version)}, process ${number(status.pid)}`],
      ['Running', `${span(status.uptime_ms)}, since ${dated(status.started_unix_ms)}`],
      [
        'Listens on',
        list(status.listeners)
          .map((listener) => `${text(listener.address)}  ${text(listener.component)}, ${text(listener.speaks)}`)
          .join('\n'),
      ],
      ['Memory for telemetry', `${bytes(memory.used)} of ${bytes(memory.limit)} (${percent(memory.used, memory.limit)})`],
      [
        'Configuration',
        `${nameOr(configuration.fingerprint)}, in force since ${dated(configuration.since_unix_ms)}; read again: ${count(configuration.changed)} changed, ${count(configuration.unchanged)} the same, ${count(configuration.failed)} failed`,
      ],
    ];
    if (text(configuration.failure)) pairs.push(['The one on disk', text(configuration.failure)]);
    const sign = JSON.stringify(pairs);
    if (sign === this.processSign) return;
    this.processSign = sign;
    refill(
      this.#process,
      pairs.map(([name, value]) => [
        el('dt', {}, name),
        el(
          'dd',
          {},
          value.split('\n').map((line) => el('div', {}, line)),
        ),
      ]),
    );
  }
}

function tables(now) {
  const num = (id, title, value) => ({
    id,
    title,
    number: true,
    value: (of) => count(value(of)),
    order: (of) => number(value(of)),
  });
  const signal = { id: 'signal', title: 'Signal', value: (of) => text(of.signal) };
  return {
    senders: new Table({
      name: 'senders',
      label: 'Senders',
      empty: () => 'Nobody has sent anything yet.',
      key: (s) => [s.service, s.peer, s.transport, s.port, s.sdk, s.version].join('\n'),
      columns: [
        {
          id: 'service',
          title: 'Service',
          value: (s) => nameOr(s.service, '(no service.name)'),
          node: senderName,
          order: (s) => text(s.service),
        },
        { id: 'peer', title: 'From', value: (s) => nameOr(s.peer, 'this process') },
        {
          id: 'transport',
          title: 'By',
          value: (s) =>
            [text(s.transport), text(s.port) && text(s.port) !== text(s.transport) ? `on the ${text(s.port)} port` : '']
              .filter(Boolean)
              .join(' '),
        },
        { id: 'sdk', title: 'SDK', value: (s) => text(s.sdk) },
        { id: 'version', title: 'Version', value: (s) => text(s.version) },
        num('items', 'Items', (s) => s.items),
        num('evaluations', 'Flags', (s) => s.evaluations),
        {
          id: 'seen',
          title: 'Last seen',
          number: true,
          value: (s) => ago(s.last_seen_unix_ms, now()),
          order: (s) => number(s.last_seen_unix_ms),
        },
      ],
    }),
    received: new Table({
      name: 'doors',
      label: 'What came in',
      empty: () => 'No request came yet.',
      key: (d) => `${d.receiver} ${d.transport} ${d.signal}`,
      columns: [
        { id: 'receiver', title: 'Receiver', value: (d) => `${text(d.receiver)} ${text(d.transport)}` },
        signal,
        num('requests', 'Requests', (d) => d.requests),
        num('ok', 'OK', (d) => d.ok),
        num('partial', 'Partly', (d) => d.partial),
        num('refused', 'No room', (d) => d.refused),
        num('rejected', 'Rejected', (d) => d.rejected),
        num('abandoned', 'Left', (d) => d.abandoned),
        num('accepted', 'Items', (d) => d.items_accepted),
        num('flawed', 'Flawed', (d) => number(d.items_flawed) + number(d.items_refused)),
      ],
    }),
    enriched: new Table({
      name: 'pipelines',
      label: 'What was made of it',
      empty: () => 'There are no pipelines.',
      key: (p) => `${p.id} ${p.signal}`,
      columns: [
        { id: 'pipeline', title: 'Pipeline', value: (p) => text(p.id) },
        num('in', 'In', (p) => p.in),
        num('added', 'Added', (p) => p.added),
        num('discarded', 'Discarded', (p) => list(p.discarded).reduce((sum, d) => sum + number(d.items), 0)),
        num('out', 'Out', (p) => p.out),
        num('evaluations', 'Flags', (p) => p.evaluations),
        {
          id: 'by',
          title: 'Discarded by',
          value: (p) =>
            list(p.discarded)
              .map((d) => `${text(d.component)} ${count(d.items)}`)
              .join(', '),
        },
      ],
    }),
    queue: new Table({
      name: 'queue',
      label: 'What waits',
      empty: () => 'There are no exporters.',
      key: (o) => `${o.exporter} ${o.signal}`,
      columns: [
        { id: 'exporter', title: 'Exporter', value: (o) => text(o.exporter) },
        signal,
        { id: 'fill', title: 'Full', value: (o) => `${Math.round(100 * fillOf(o))} %`, node: fillBar },
        num('put', 'Put', (o) => o.put),
        num('held', 'Held', (o) => o.held_items),
        { id: 'bytes', title: 'Bytes', number: true, value: (o) => bytes(o.held_bytes) },
        num('flight', 'On their way', (o) => o.in_flight),
        num('retrying', 'Retrying', (o) => o.retrying),
        {
          id: 'dropped',
          title: 'Dropped',
          value: (o) =>
            list(o.dropped)
              .map((d) => `${text(d.reason)} ${count(d.items)}`)
              .join(', '),
        },
      ],
    }),
    downstream: new Table({
      name: 'downstream',
      label: 'How the downstreams answered',
      empty: () => 'There are no exporters.',
      key: (o) => `${o.exporter} ${o.signal}`,
      rowClass: (o) => (['rejected', 'too_large'].includes(o.last?.what) ? 'has-error' : ''),
      columns: [
        { id: 'exporter', title: 'Exporter', value: (o) => text(o.exporter) },
        signal,
        num('sent', 'Sent', (o) => o.sent),
        num('rejected', 'Rejected', (o) => o.rejected),
        { id: 'outcome', title: 'Last answer', value: (o) => text(o.last?.what).replaceAll('_', ' ') || 'not tried yet' },
        { id: 'at', title: 'When', number: true, value: (o) => (o.last ? ago(o.last.at_unix_ms, now()) : '') },
        { id: 'message', title: 'In its words', value: (o) => text(o.last?.message) },
      ],
    }),
    definitions: new Table({
      name: 'definitions',
      label: 'Flag definitions',
      empty: () => 'None.',
      key: (d) => `${d.processor} ${d.source}`,
      rowClass: (d) => (d.failure ? 'has-error' : ''),
      columns: [
        { id: 'processor', title: 'Processor', value: (d) => text(d.processor) },
        { id: 'source', title: 'Source', value: (d) => text(d.source) },
        {
          id: 'flags',
          title: 'Flags',
          number: true,
          value: (d) => (d.flags === null || d.flags === undefined ? '' : count(d.flags)),
        },
        { id: 'read', title: 'Read', number: true, value: (d) => ago(d.read_at_unix_ms, now()) },
        { id: 'failure', title: 'Failure', value: (d) => text(d.failure?.message) },
      ],
    }),
  };
}

function senderName(sender) {
  return [
    nameOr(sender.service, '(no service.name)'),
    sender.is_relay_proxy ? el('span', { class: 'chip' }, 'relay proxy') : null,
  ];
}

function fillBar(outbox) {
  const fill = fillOf(outbox);
  const bar = el('meter', { min: '0', max: '1', high: '0.8', value: fill.toFixed(3), 'aria-label': 'How full' });
  return [bar, ` ${Math.round(100 * fill)} %`, outbox.isolated ? el('span', { class: 'bad' }, ' full, cut off') : null];
}

const SECTIONS = [
  ['senders', 'Senders'],
  ['received', 'Received'],
  ['enriched', 'Pipelines'],
  ['queue', 'Queues'],
  ['downstream', 'Downstreams'],
  ['definitions', 'Flag definitions'],
  ['process', 'This burgee'],
];
