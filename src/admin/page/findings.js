// What is odd, what it means, and what to do about it.

import { el, setText } from './dom.js';
import { ago, count, dated, list, number, text } from './format.js';
import { copyButton } from './toolbar.js';

/** `#/findings/<id>` */
export class Findings {
  title = 'Findings';
  #cards = new Map();
  #open = el('div', { class: 'cards' });
  #resolved = el('div', { class: 'cards resolved' });
  #resolvedHead = el('h2', {}, 'Resolved in the last hour');
  #headline = el('p', { class: 'dim', role: 'status' });

  constructor(app, { id }) {
    this.app = app;
    this.wanted = id;
    this.element = el('div', { class: 'view view-findings' }, this.#headline, this.#open, this.#resolvedHead, this.#resolved);
    if (app.overview) this.overviewChanged(app.overview);
  }

  update({ id }) {
    this.wanted = id;
    this.#goToWanted();
  }

  overviewChanged(overview) {
    const findings = list(overview.findings?.findings);
    const now = number(overview.now_unix_ms) || Date.now();
    const keys = new Set();
    for (const finding of findings) {
      const key = `${text(finding.id)} ${text(finding.evidence)} ${number(finding.first_seen_unix_ms)}`;
      keys.add(key);
      if (!this.#cards.has(key)) this.#cards.set(key, new Card(finding));
      const card = this.#cards.get(key);
      card.show(finding, now);
      const place = isResolved(finding) ? this.#resolved : this.#open;
      if (card.element.parentNode !== place) place.append(card.element);
    }
    for (const [key, card] of this.#cards) {
      if (keys.has(key)) continue;
      card.element.remove();
      this.#cards.delete(key);
    }
    this.#resolvedHead.hidden = this.#resolved.childElementCount === 0;
    setText(this.#headline, headline(findings, overview.findings?.examined_unix_ms, now));
    this.#goToWanted();
  }

  /** y copies the fix of the finding that has the focus. */
  keys = {
    y: () => document.activeElement?.closest?.('.card')?.querySelector('.copy')?.click(),
  };

  #goToWanted() {
    if (!this.wanted || !this.element.isConnected) return;
    const card = [...this.#cards.values()].find((card) => card.id === this.wanted);
    if (!card) return;
    this.wanted = '';
    card.element.focus();
  }
}

/** How many findings hold, without those that only inform. */
export function troubling(overview) {
  return list(overview.findings?.findings).filter((finding) => !isResolved(finding) && finding.severity !== 'info');
}

class Card {
  #seen = el('span', { class: 'dim seen' });
  #evidence = el('p', { class: 'evidence' });
  #fix = el('pre', { tabindex: '0' });

  constructor(finding) {
    this.id = text(finding.id);
    const severity = SEVERITIES[finding.severity] ? finding.severity : 'info';
    this.element = el(
      'article',
      { class: `card ${severity}`, tabindex: '-1', 'data-row': true, 'aria-label': `${this.id} ${text(finding.title)}` },
      el(
        'header',
        {},
        el('span', { class: 'severity' }, el('span', { 'aria-hidden': 'true' }, SEVERITIES[severity]), ' ', severity),
        el(
          'a',
          { class: 'mono id', href: `#/findings/${encodeURIComponent(this.id)}`, title: `burgee explain ${this.id}` },
          this.id,
        ),
        el('h3', {}, text(finding.title)),
        this.#seen,
      ),
      this.#evidence,
      el('p', { class: 'means' }, text(finding.means)),
      text(finding.fix)
        ? el(
            'div',
            { class: 'block' },
            el(
              'div',
              { class: 'block-head' },
              el('span', {}, 'What to do'),
              copyButton(() => this.fix),
            ),
            this.#fix,
          )
        : null,
    );
  }

  show(finding, now) {
    const resolved = isResolved(finding);
    this.element.classList.toggle('is-resolved', resolved);
    this.fix = text(finding.fix);
    if (this.#fix.textContent !== this.fix) this.#fix.textContent = this.fix;
    setText(this.#evidence, text(finding.evidence));
    const times = number(finding.count) > 1 ? `${count(finding.count)} times, ` : '';
    setText(
      this.#seen,
      resolved
        ? `resolved ${ago(finding.resolved_unix_ms, now)}`
        : `${times}first ${dated(finding.first_seen_unix_ms)}, last ${ago(finding.last_seen_unix_ms, now)}`,
    );
  }
}

function isResolved(finding) {
  return finding.resolved_unix_ms !== null && finding.resolved_unix_ms !== undefined;
}

function headline(findings, examined, now) {
  const open = findings.filter((finding) => !isResolved(finding));
  const looked = number(examined) ? ` burgee looked ${ago(examined, now)}.` : '';
  if (open.length === 0) return `Nothing is odd.${looked}`;
  const words = ['error', 'warning', 'info'].map((severity) => {
    const n = open.filter((finding) => finding.severity === severity).length;
    return n === 0 ? '' : `${n} ${severity}${n > 1 && severity !== 'info' ? 's' : ''}`;
  });
  return `${words.filter(Boolean).join(', ')}.${looked}`;
}

const SEVERITIES = { error: '■', warning: '▲', info: '●' };
