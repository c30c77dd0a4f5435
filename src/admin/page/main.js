// Starts the page: which view is shown, what is asked of burgee and when, and whether burgee answers.

import { get, Refusal } from './api.js';
import { el, refill, setText } from './dom.js';
import { Findings, troubling } from './findings.js';
import { Flag } from './flag.js';
import { Flags } from './flags.js';
import { Foot } from './foot.js';
import { number } from './format.js';
import { listenToKeys, showHelp } from './keys.js';
import { Live } from './live.js';
import { Overview } from './overview.js';
import { Pulse, stages } from './pulse.js';
import { Rejected } from './rejected.js';
import { address, parse, VIEWS } from './router.js';
import { Strip } from './strip.js';
import { Trace } from './trace.js';
import { Traces } from './traces.js';

/** What views may ask of the page. */
class App {
  overview = null;
  pulse = new Pulse();
  paused = false;
  view = null;
  #main = document.getElementById('main');
  #strip = new Strip(document.getElementById('strip'));
  #foot = new Foot(document.getElementById('foot'));
  #tabs = new Map();
  #badge = el('span', { class: 'badge', hidden: true });
  #failingSince = 0;
  #next = 0;
  #amending = 0;
  #loading = false;
  #again = false;

  start() {
    this.#buildNavigation();
    listenToKeys(this);
    addEventListener('hashchange', () => this.#route());
    document.addEventListener('visibilitychange', () => document.hidden || this.#tick());
    document.getElementById('skip').addEventListener('click', (event) => {
      event.preventDefault();
      this.#main.focus();
    });
    this.#route();
    this.#tick();
  }

  go(hash) {
    location.hash = hash;
  }

  /** Changes the query of the shown view, without a step in the history. Quietly: only the address. */
  amend(view, id, query, { quietly = false } = {}) {
    clearTimeout(this.#amending);
    if (quietly) this.#amending = setTimeout(() => replaceAddress(address(view, id, query)), 300);
    else {
      replaceAddress(address(view, id, query));
      this.view?.update?.(parse(location.hash));
    }
  }

  pause(paused) {
    this.paused = paused;
    document.documentElement.classList.toggle('is-paused', paused);
    this.view?.pauseChanged?.();
    if (!paused) this.loadNow();
  }

  /** One of the five stages of the strip, as it is now. */
  stage(id) {
    return this.overview ? stages(this.overview, this.pulse).find((stage) => stage.id === id) : undefined;
  }

  /** Asks for what the shown view shows, also while paused. */
  async loadNow() {
    if (this.#loading) {
      this.#again = true;
      return;
    }
    this.#loading = true;
    try {
      await this.view?.load?.();
    } catch (error) {
      // Whether burgee answers at all is seen at the overview.
      if (error instanceof Refusal) this.#foot.complain(error.message);
    }
    this.#loading = false;
    if (this.#again) {
      this.#again = false;
      this.loadNow();
    }
  }

  #route() {
    const where = parse(location.hash);
    const name = where.view === 'flags' && where.id !== '' ? 'flag' : where.view;
    const shown = `${name}/${['flag', 'trace'].includes(name) ? where.id : ''}`;
    clearTimeout(this.#amending);
    if (shown === this.shown) {
      this.view.update?.(where);
      return;
    }
    const [Shown, tab] = MADE[name] ?? MADE.live;
    this.view?.leave?.();
    this.shown = shown;
    this.view = new Shown(this, where);
    this.tab = tab;
    refill(this.#main, this.view.element);
    for (const [name, link] of this.#tabs) {
      if (name === tab) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    this.#title();
    if (this.overview) this.view.overviewChanged?.(this.overview);
    this.loadNow();
    scrollTo(0, 0);
  }

  async #tick() {
    clearTimeout(this.#next);
    const started = performance.now();
    await this.#askOverview();
    // What nobody sees is not asked for.
    if (!document.hidden && !this.paused && !this.#failingSince) await this.loadNow();
    const every = document.hidden ? HIDDEN_MS : EVERY_MS;
    clearTimeout(this.#next);
    this.#next = setTimeout(() => this.#tick(), Math.max(200, every - (performance.now() - started)));
  }

  async #askOverview() {
    let overview;
    try {
      overview = await get('overview');
    } catch (error) {
      this.#failingSince ||= Date.now();
      document.documentElement.classList.add('is-lost');
      this.#foot.lost(this.#failingSince, error instanceof Refusal ? error.message : '');
      return;
    }
    this.#failingSince = 0;
    document.documentElement.classList.remove('is-lost');
    this.overview = overview;
    this.pulse.take(overview, number(overview.now_unix_ms) || Date.now());
    this.#strip.show(overview, this.pulse);
    this.#foot.show(overview);
    this.view?.overviewChanged?.(overview);
    this.#title();
  }

  #title() {
    const troubles = this.overview ? troubling(this.overview) : [];
    this.#badge.hidden = troubles.length === 0;
    setText(this.#badge, String(troubles.length));
    this.#badge.classList.toggle(
      'bad',
      troubles.some((finding) => finding.severity === 'error'),
    );
    this.#badge.setAttribute('aria-label', `${troubles.length} that need attention`);
    document.title = `${troubles.length > 0 ? `(${troubles.length}) ` : ''}${this.view?.title ?? ''} · burgee`;
  }

  #buildNavigation() {
    const links = VIEWS.map((view, i) => {
      const made = el(
        'a',
        { href: `#/${view.name}`, 'aria-keyshortcuts': String(i + 1) },
        el('kbd', { 'aria-hidden': 'true' }, String(i + 1)),
        view.title,
        view.name === 'findings' ? this.#badge : null,
      );
      this.#tabs.set(view.name, made);
      return made;
    });
    refill(document.getElementById('nav'), links);
    refill(
      document.getElementById('tools'),
      el(
        'button',
        {
          type: 'button',
          class: 'button',
          'aria-label': 'Dark or light',
          title: 'Dark or light (t)',
          on: { click: () => this.turnTheme() },
        },
        '◐',
      ),
      el(
        'button',
        {
          type: 'button',
          class: 'button',
          'aria-label': 'Help',
          title: 'Keys and help (?)',
          on: { click: () => showHelp(this) },
        },
        '?',
      ),
    );
  }

  /** From the system's theme to the other one, and back. */
  turnTheme() {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    try {
      localStorage.setItem('burgee.theme', root.dataset.theme);
    } catch {
      // Storage is not allowed here; the theme holds until the page is left.
    }
  }
}

function replaceAddress(hash) {
  try {
    history.replaceState(null, '', hash);
  } catch {
    // Browsers refuse too many of these; the next one will do.
  }
}

/** For each view what makes it, and the tab that it is below. */
const MADE = {
  live: [Live, 'live'],
  flags: [Flags, 'flags'],
  flag: [Flag, 'flags'],
  traces: [Traces, 'traces'],
  trace: [Trace, 'traces'],
  findings: [Findings, 'findings'],
  rejected: [Rejected, 'rejected'],
  overview: [Overview, 'overview'],
};
const EVERY_MS = 1000;
const HIDDEN_MS = 10_000;

new App().start();
