// The keyboard: everything can be done with it. One listener, so that `?` can list it all.

import { el } from './dom.js';
import { VIEWS } from './router.js';

/** Hears the keys of the whole page. */
export function listenToKeys(app) {
  let afterG = 0;
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector('dialog[open]')) return;
    if (event.target.closest?.('input, textarea, select')) {
      if (event.key === 'Escape') leaveInput(app, event);
      return;
    }
    const afterGNow = event.timeStamp - afterG < GO_MS;
    afterG = event.key === 'g' && !afterGNow ? event.timeStamp : 0;
    if (event.key === 'g') return;
    if (afterGNow ? goTo(app, (view) => view.letter === event.key) : press(app, event)) event.preventDefault();
  });
}

/** The overlay that says all keys. */
export function showHelp() {
  const close = () => dialog.close();
  const dialog = el(
    'dialog',
    { class: 'help', 'aria-label': 'Keys' },
    el(
      'header',
      {},
      el('h2', {}, 'Keys'),
      el('button', { type: 'button', class: 'button', 'aria-label': 'Close', on: { click: close } }, '✕'),
    ),
    el(
      'div',
      { class: 'help-columns' },
      HELP.map(([title, keys]) =>
        el(
          'section',
          {},
          el('h3', {}, title),
          el(
            'dl',
            {},
            keys.map(([key, does]) => [
              el(
                'dt',
                {},
                key.split(' ').map((one) => el('kbd', {}, one)),
              ),
              el('dd', {}, does),
            ]),
          ),
        ),
      ),
    ),
    el('h3', {}, 'Filter'),
    el(
      'p',
      {},
      'Terms separated by spaces, all must hold: ',
      el('code', {}, 'flag=new-*'),
      ' ',
      el('code', {}, 'variant!=on'),
      ' ',
      el('code', {}, 'service="my shop"'),
      '. Fields: flag, variant, value, reason, service, provider, error, version, trace, span. A bare word is looked for in flag, service and span. ',
      'burgee itself filters, so nothing that passes is sampled away. ',
      el('code', {}, 'burgee tap'),
      ' takes the same.',
    ),
  );
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => event.target === dialog && close());
  dialog.addEventListener('keydown', (event) => event.key === '?' && close());
  document.body.append(dialog);
  dialog.showModal();
}

function press(app, event) {
  const { key } = event;
  if (key === '?') return (showHelp(), true);
  if (key === '/') return focusFilter(app);
  if (app.view?.pressed?.(key, event)) return true;
  if (app.view?.keys?.[key]) return (app.view.keys[key](), true);
  if (/^[1-9]$/.test(key)) return goTo(app, (_, i) => i === Number(key) - 1);
  if (key === 'p') return (app.pause(!app.paused), true);
  if (key === 't') return (app.turnTheme(), true);
  if (key === 'j' || key === 'ArrowDown') return moveRow(1, key);
  if (key === 'k' || key === 'ArrowUp') return moveRow(-1, key);
  if (key === 'Enter') return openRow(app, event.target);
  if (key === 'Escape') return back(app);
  return false;
}

function goTo(app, wanted) {
  const view = VIEWS.find(wanted);
  if (!view) return false;
  app.go(`#/${view.name}`);
  return true;
}

function focusFilter(app) {
  const input = app.view?.filterBox?.input;
  if (!input) return false;
  input.focus();
  input.select();
  return true;
}

function leaveInput(app, event) {
  event.target.blur();
  document.getElementById('main').focus({ preventScroll: true });
  event.preventDefault();
}

function moveRow(by, key) {
  const rows = [...document.querySelectorAll(ROWS)].filter((row) => row.offsetParent !== null);
  if (rows.length === 0) return false;
  const at = rows.indexOf(document.activeElement?.closest?.(ROWS));
  // Arrows scroll the page until a row has the focus.
  if (at === -1 && key.startsWith('Arrow')) return false;
  const row = rows[at === -1 ? 0 : Math.max(0, Math.min(rows.length - 1, at + by))];
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: 'nearest' });
  return true;
}

function openRow(app, target) {
  const row = target.closest?.(ROWS);
  if (!row || target !== row) return false;
  const tables = [app.view?.table, app.view?.evaluations, app.view?.traces, ...Object.values(app.view?.tables ?? {})];
  return tables.some((table) => table?.openElement(row));
}

function back(app) {
  if (app.view?.escape?.()) return true;
  if (document.activeElement?.closest?.(ROWS)) return (document.activeElement.blur(), true);
  if (!app.view?.back) return false;
  app.go(app.view.back);
  return true;
}

const ROWS = '.tbody > .tr, [data-row]';
const GO_MS = 1200;
const HELP = [
  [
    'Everywhere',
    [
      ['1 … 6', 'the views'],
      ['g f', 'flags; likewise l t i r o'],
      ['/', 'filter'],
      ['j k', 'next and previous row'],
      ['Enter', 'open'],
      ['Esc', 'back'],
      ['p', 'pause and resume'],
      ['t', 'dark or light'],
      ['?', 'this help'],
    ],
  ],
  [
    'Live and findings',
    [
      ['c', 'clear the tail'],
      ['y', 'copy the fix of the focused finding'],
    ],
  ],
  [
    'Trace',
    [
      ['↑ ↓', 'rows; also PgUp, PgDn, Home, End'],
      ['← →', 'fold and unfold, to the parent and the child'],
      ['Enter', 'the span at length'],
      ['[ ]', 'from one flag to the next'],
      ['e', 'fold or unfold all'],
      ['+ - 0', 'zoom in, out, all'],
      ['z', 'zoom to the span'],
      ['r', 'ask for it again'],
    ],
  ],
];
