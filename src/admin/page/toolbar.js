// The line above a list: filter with its error, buttons, and what was counted.

import { el, refill, setText } from './dom.js';
import { text } from './format.js';

/** A box for the filter language, or for plain words; `changed(filter)` comes a moment after the last key. */
export class FilterBox {
  #error = el('span', { class: 'filter-error', role: 'alert' });
  #waiting = 0;

  constructor({ label, placeholder, value, changed, hint }) {
    this.input = el('input', {
      type: 'text',
      id: 'filter',
      class: 'filter',
      placeholder,
      spellcheck: 'false',
      autocomplete: 'off',
      autocapitalize: 'off',
      'aria-label': label,
      'aria-describedby': 'filter-error',
      'aria-keyshortcuts': '/',
    });
    this.#error.id = 'filter-error';
    this.input.value = text(value);
    this.input.addEventListener('input', () => {
      clearTimeout(this.#waiting);
      this.#waiting = setTimeout(() => changed(this.value), 200);
    });
    this.input.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return;
      clearTimeout(this.#waiting);
      changed(this.value);
    });
    this.changed = changed;
    this.element = el(
      'span',
      { class: 'filterbox' },
      this.input,
      el('kbd', { 'aria-hidden': 'true' }, '/'),
      hint ?? null,
      this.#error,
    );
  }

  get value() {
    return this.input.value.trim();
  }

  set value(filter) {
    if (this.value !== filter) this.input.value = filter;
  }

  /** Adds a term, unless it is there already. */
  add(term) {
    if (this.value.includes(term)) return;
    this.input.value = `${this.value} ${term}`.trim();
    this.changed(this.value);
  }

  /** Says what is wrong with the filter, or with '' that nothing is. */
  complain(sentence) {
    setText(this.#error, sentence);
    this.input.setAttribute('aria-invalid', sentence ? 'true' : 'false');
  }
}

/** A button with its key. */
export function button(label, key, pressed, attributes) {
  return el(
    'button',
    { type: 'button', class: 'button', 'aria-keyshortcuts': key || null, ...attributes, on: { click: pressed } },
    label,
    key ? el('kbd', { 'aria-hidden': 'true' }, key) : null,
  );
}

/** A button that stops and resumes the polling of the shown view. */
export function pauseButton(app) {
  const word = el('span', {});
  const made = el(
    'button',
    { type: 'button', class: 'button pause', 'aria-keyshortcuts': 'p', on: { click: () => app.pause(!app.paused) } },
    word,
    el('kbd', { 'aria-hidden': 'true' }, 'p'),
  );
  const say = () => {
    setText(word, app.paused ? 'Resume' : 'Pause');
    made.classList.toggle('on', app.paused);
  };
  say();
  return { element: made, say };
}

/** A button that copies a text and says that it did. */
export function copyButton(what, label = 'Copy', attributes = {}) {
  const copied = async (event) => {
    const done = await copy(typeof what === 'function' ? what() : what);
    const pressed = event.currentTarget ?? made;
    pressed.classList.add(done ? 'done' : 'failed');
    refill(pressed, done ? 'Copied' : 'Not allowed');
    setTimeout(() => {
      pressed.classList.remove('done', 'failed');
      refill(pressed, label);
    }, 1400);
  };
  const made = el('button', { type: 'button', class: 'button copy', ...attributes, on: { click: copied } }, label);
  return made;
}

/** Puts text on the clipboard; false if that is not allowed. */
export async function copy(what) {
  try {
    await navigator.clipboard.writeText(what);
    return true;
  } catch {
    return copyBySelection(what);
  }
}

// Over plain HTTP to another name than localhost there is no navigator.clipboard.
function copyBySelection(what) {
  const area = el('textarea', { class: 'offscreen', readonly: true, 'aria-hidden': 'true' });
  area.value = what;
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  let done = false;
  try {
    done = document.execCommand('copy');
  } catch {
    done = false;
  }
  area.remove();
  focused?.focus?.({ preventScroll: true });
  return done;
}
