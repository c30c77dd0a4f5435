// One flag: who evaluates it, and what comes out.

import { get } from './api.js';
import { el, refill, setText } from './dom.js';
import { ago, count, dated, hue, list, number, percent, perSecond, text } from './format.js';
import { evaluationsTable, whereOf } from './live.js';
import { address, term } from './router.js';
import { rateOf } from './flags.js';
import { nameOr, shares, Spark } from './spark.js';
import { copyButton, pauseButton } from './toolbar.js';
import { tracesTable } from './traces.js';

/** `#/flags/<key>` */
export class Flag {
  #facts = el('div', { class: 'facts' });
  #signs = new Map();
  #spark = new Spark({ width: 600, height: 60, points: 30 });
  #headline = el('p', { class: 'dim' });

  constructor(app, { id }) {
    this.app = app;
    this.flagKey = id;
    this.title = id;
    this.back = '#/flags';
    this.pauseButton = pauseButton(app);
    this.evaluations = evaluationsTable({
      name: 'live',
      label: 'Recent evaluations',
      without: ['flag'],
      open: (evaluation) => app.go(whereOf(evaluation)),
      empty: () => 'burgee remembers no evaluation of it any more.',
    });
    this.traces = tracesTable(app, 'Recent traces with this flag', () => 'burgee remembers no trace with it.');
    this.element = el(
      'div',
      { class: 'view view-flag' },
      el(
        'div',
        { class: 'head' },
        el('a', { href: '#/flags', class: 'crumb' }, 'Flags'),
        el('h1', { class: 'mono' }, id),
        copyButton(id, 'Copy key'),
        el('a', { class: 'button', href: address('live', '', { filter: term('flag', id) }) }, 'Follow it live'),
        this.pauseButton.element,
      ),
      this.#headline,
      el(
        'figure',
        { class: 'chart' },
        this.#spark.element,
        el('figcaption', { class: 'dim' }, 'evaluations in the last five minutes'),
      ),
      this.#facts,
      el('h2', {}, 'Recent evaluations'),
      this.evaluations.element,
      el('h2', {}, 'Traces'),
      this.traces.element,
    );
    this.evaluations.show([]);
    this.traces.show([]);
  }

  async load() {
    const filter = term('flag', this.flagKey);
    const [flags, evaluations, traces] = await Promise.all([
      get('flags'),
      get('evaluations', { filter, limit: 50 }),
      get('traces', { filter, limit: 20 }),
    ]);
    const flag = list(flags.flags).find((flag) => text(flag.key) === this.flagKey);
    if (flag) this.#show(flag);
    else setText(this.#headline, 'burgee has not seen an evaluation of this flag since its start.');
    // A "*" in the key is a wildcard to the filter, so compare again.
    this.evaluations.show(
      list(evaluations.evaluations)
        .filter((evaluation) => text(evaluation.key) === this.flagKey)
        .reverse(),
    );
    this.traces.show(list(traces.traces).filter((trace) => list(trace.flags).some((flag) => text(flag.key) === this.flagKey)));
  }

  pauseChanged() {
    this.pauseButton.say();
  }

  #show(flag) {
    const now = number(this.app.overview?.now_unix_ms) || Date.now();
    setText(
      this.#headline,
      `${count(flag.evaluations)} evaluations, ${count(flag.errors)} of them failed · ${perSecond(rateOf(flag))}/s · first seen ${dated(flag.first_seen_unix_ms)} · last seen ${ago(flag.last_seen_unix_ms, now)}`,
    );
    this.#spark.show(flag.recent);
    this.#fact('Variants', flag.variants, shareTable);
    this.#fact('Reasons', flag.reasons, shareTable);
    this.#fact('Services', flag.services, names);
    this.#fact('Providers', flag.providers, names);
    this.#fact('Versions', flag.versions, names);
  }

  #fact(title, value, made) {
    let fact = this.#signs.get(title);
    if (!fact) {
      fact = { body: el('div', {}), sign: null };
      this.#signs.set(title, fact);
      this.#facts.append(el('section', { class: 'fact' }, el('h2', {}, title), fact.body));
    }
    const sign = JSON.stringify(value ?? []);
    if (sign === fact.sign) return;
    fact.sign = sign;
    refill(fact.body, made(list(value)));
  }
}

function shareTable(of) {
  if (of.length === 0) return el('span', { class: 'dim' }, 'none told');
  const whole = of.reduce((sum, share) => sum + number(share.evaluations), 0);
  const byCount = [...of].sort((a, b) => number(b.evaluations) - number(a.evaluations));
  return [
    shares(of, 0),
    el(
      'dl',
      { class: 'sharelist' },
      byCount
        .slice(0, LISTED_MAX)
        .map((share) => [
          el('dt', {}, el('i', { class: `dot ${hue(text(share.name))}` }), nameOr(share.name, '(none)')),
          el('dd', {}, count(share.evaluations), el('span', { class: 'dim' }, ` ${percent(share.evaluations, whole)}`)),
        ]),
    ),
  ];
}

function names(of) {
  if (of.length === 0) return el('span', { class: 'dim' }, 'none told');
  return el(
    'ul',
    { class: 'names' },
    of.slice(0, LISTED_MAX).map((name) => el('li', {}, nameOr(name, '(none)'))),
  );
}

const LISTED_MAX = 50;
