// The rows of a trace. Only those in sight have elements, so 40,000 spans scroll like forty.

import { el, setText, shown } from './dom.js';
import { duration, hue } from './format.js';
import { ODD } from './tree.js';

/** Rows over time, with a selected row, folded subtrees, a range of time in sight, and a cut that dims what began before it. */
export class Waterfall {
  #pool = [];
  #rows;
  #selected = 0;
  #matching = null;
  #cut = -1;
  #drawn = false;

  constructor(tree, { selected, opened }) {
    this.tree = tree;
    this.folded = new Uint8Array(tree.size);
    this.changed = selected;
    this.opened = opened;
    this.from = tree.begin;
    this.to = Math.max(tree.span, tree.begin + 1);
    this.#rows = tree.order;
    this.axis = el('div', { class: 'wf-axis', 'aria-hidden': 'true' });
    this.cutLine = el('div', { class: 'wf-cut', hidden: true });
    this.canvas = el('div', { class: 'wf-canvas' });
    this.element = el(
      'div',
      {
        class: 'wf-rows',
        role: 'treegrid',
        tabindex: '0',
        'aria-label': 'Spans',
        'aria-rowcount': String(tree.size),
      },
      this.canvas,
    );
    this.element.addEventListener('scroll', () => this.#draw(), { passive: true });
    this.canvas.addEventListener('click', (event) => this.#clicked(event));
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.element);
  }

  leave() {
    this.resized.disconnect();
  }

  /** Lays out anew what may have changed, and draws. */
  draw() {
    this.canvas.style.height = `${this.#rows.length * ROW_PX}px`;
    // What stands above the rows has to end where they end: before the scrollbar.
    this.element.closest('.wf')?.style.setProperty('--gutter', `${this.element.offsetWidth - this.element.clientWidth}px`);
    this.#drawAxis();
    this.#draw(true);
  }

  get selected() {
    return this.#rows[this.#selected] ?? -1;
  }

  /** Selects a span, unfolding what hides it, and brings it in sight. */
  select(index, { middle = false } = {}) {
    if (index < 0) return;
    let hidden = false;
    for (let up = this.tree.up[index]; up !== -1; up = this.tree.up[up]) {
      if (this.folded[up]) hidden = true;
      this.folded[up] = 0;
    }
    if (hidden) this.#fold();
    this.#selectRow(this.#rowOf(index), middle);
  }

  /** A key of the waterfall; false if it is none. */
  key(name) {
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW_PX) - 1);
    const last = this.#rows.length - 1;
    const index = this.selected;
    const moves = {
      j: 1,
      ArrowDown: 1,
      k: -1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    };
    if (name in moves) this.#selectRow(Math.max(0, Math.min(last, this.#selected + moves[name])));
    else if (name === 'ArrowLeft') this.#left(index);
    else if (name === 'ArrowRight') this.#right(index);
    else if (name === 'e') this.#foldAll();
    else if (name === '+' || name === '=') this.zoom(0.5);
    else if (name === '-') this.zoom(2);
    else if (name === '0') this.zoomTo(this.tree.begin, this.tree.span);
    else if (name === 'z') this.zoomTo(this.tree.start[index], this.tree.start[index] + this.tree.duration[index]);
    else if (name === 'Enter' || name === 'o') this.opened(index);
    else return false;
    return true;
  }

  /** Makes the range in sight so many times as long, around the selected span. */
  zoom(times) {
    const whole = this.tree.span - this.tree.begin;
    const long = Math.max(1, Math.min(whole, (this.to - this.from) * times));
    const middle = this.tree.start[this.selected] + this.tree.duration[this.selected] / 2;
    const from = Math.max(this.tree.begin, Math.min(this.tree.span - long, middle - long / 2));
    this.zoomTo(from, from + long);
  }

  zoomTo(from, to) {
    const room = Math.max(1, (to - from) * 0.02);
    const whole = from <= this.tree.begin && to >= this.tree.span;
    this.from = whole ? this.tree.begin : from - room;
    this.to = whole ? Math.max(this.tree.span, this.tree.begin + 1) : to + room;
    this.draw();
    this.zoomed?.();
  }

  /** Dims the spans that began before this time; -1 for none. */
  set cut(us) {
    this.#cut = us;
    this.draw();
  }

  get cut() {
    return this.#cut;
  }

  /** Marks the spans whose number in here is 1; null for none. */
  mark(matching) {
    this.#matching = matching;
    this.#draw(true);
  }

  /** Where a time is, from 0 to 1 of the range in sight. */
  x(us) {
    return (us - this.from) / (this.to - this.from);
  }

  #left(index) {
    if (this.tree.hasChildren(index) && !this.folded[index]) this.#toggle(index);
    else if (this.tree.up[index] !== -1) this.select(this.tree.up[index]);
  }

  #right(index) {
    if (!this.tree.hasChildren(index)) return;
    if (this.folded[index]) this.#toggle(index);
    else this.#selectRow(this.#selected + 1);
  }

  #toggle(index) {
    this.folded[index] = this.folded[index] ? 0 : 1;
    this.#fold();
    this.#selectRow(this.#rowOf(index));
  }

  // Folds all below the roots, or unfolds everything.
  #foldAll() {
    const index = this.selected;
    const any = this.folded.some((folded) => folded === 1);
    for (let i = 0; i < this.tree.size; i++) this.folded[i] = !any && this.tree.up[i] !== -1 && this.tree.hasChildren(i) ? 1 : 0;
    this.#fold();
    let seen = index;
    for (let up = this.tree.up[index]; up !== -1; up = this.tree.up[up]) if (this.folded[up]) seen = up;
    this.#selectRow(this.#rowOf(seen));
  }

  #fold() {
    const { tree, folded } = this;
    const rows = new Uint32Array(tree.size);
    let count = 0;
    for (let place = 0; place < tree.size;) {
      const i = tree.order[place];
      rows[count++] = i;
      place = folded[i] ? tree.end[i] : place + 1;
    }
    this.#rows = rows.subarray(0, count);
    this.element.setAttribute('aria-rowcount', String(count));
    this.draw();
  }

  // Rows are in the order of places, so the row is found by halving.
  #rowOf(index) {
    const place = this.tree.place[index];
    let low = 0;
    let high = this.#rows.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.tree.place[this.#rows[middle]] < place) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #selectRow(row, middle = false) {
    if (this.#rows.length === 0) return;
    this.#selected = row;
    const top = row * ROW_PX;
    const { scrollTop, clientHeight } = this.element;
    if (middle) this.element.scrollTop = top - clientHeight / 2;
    else if (top < scrollTop) this.element.scrollTop = top;
    else if (top + ROW_PX > scrollTop + clientHeight) this.element.scrollTop = top + ROW_PX - clientHeight;
    this.#draw(true);
    this.changed(this.selected);
  }

  #clicked(event) {
    const row = event.target.closest('.wf-row');
    if (!row) return;
    const index = this.#rows[row.rowIndex];
    if (index === undefined) return;
    if (event.target.closest('.wf-fold') && this.tree.hasChildren(index)) {
      this.#toggle(index);
      return;
    }
    this.#selectRow(row.rowIndex);
    this.opened(index);
  }

  #draw(anew = false) {
    // Whatever the style says, no more rows than a window can show.
    const height = Math.min(this.element.clientHeight, innerHeight);
    if (height === 0) return;
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW_PX) - OVER);
    const last = Math.min(this.#rows.length, Math.ceil((this.element.scrollTop + height) / ROW_PX) + OVER);
    const size = Math.ceil(height / ROW_PX) + 2 * OVER + 1;
    while (this.#pool.length < size) {
      const made = new Row(this.#pool.length);
      this.#pool.push(made);
      this.canvas.append(made.element);
      anew = true;
    }
    for (const row of this.#pool) row.wanted = false;
    for (let k = first; k < last; k++) {
      const row = this.#pool[k % this.#pool.length];
      row.wanted = true;
      if (anew || row.element.rowIndex !== k) row.show(this, k, this.#rows[k]);
      row.say(
        k === this.#selected,
        this.#cut >= 0 && this.tree.start[this.#rows[k]] < this.#cut,
        this.#matching?.[this.#rows[k]] === 1,
      );
    }
    for (const row of this.#pool) {
      row.element.hidden = !row.wanted;
      if (!row.wanted) row.say(false, false, false);
    }
    this.element.setAttribute('aria-activedescendant', `wf-${this.#selected % this.#pool.length}`);
    const cut = this.x(this.#cut);
    this.cutLine.hidden = this.#cut < 0 || cut < 0 || cut > 1;
    this.cutLine.style.setProperty('--x', String(cut));
    if (!this.#drawn && last > first) {
      this.#drawn = true;
      this.painted?.();
    }
  }

  #drawAxis() {
    const long = this.to - this.from;
    const ticks = [];
    for (let i = 0; i <= 4; i++) {
      const tick = el('span', { class: `tick tick${i}` }, duration(this.from + (long * i) / 4 - this.tree.begin));
      tick.style.left = `${25 * i}%`;
      ticks.push(tick);
    }
    this.axis.replaceChildren(...ticks);
  }
}

class Row {
  #fold = el('span', { class: 'wf-fold', 'aria-hidden': 'true' });
  #dot = el('i', { class: 'dot' });
  #name = el('span', { class: 'wf-name' });
  #service = el('span', { class: 'wf-service' });
  #marks = el('span', { class: 'wf-marks' });
  #bar = el('span', { class: 'wf-bar' });
  #long = el('span', { class: 'wf-long' });
  #left = el('div', { class: 'wf-left', role: 'gridcell' });
  #time = el('div', { class: 'wf-time', role: 'gridcell' });

  constructor(number) {
    this.#left.append(this.#fold, this.#dot, this.#service, this.#name, this.#marks);
    this.#time.append(this.#bar, this.#long);
    this.element = el('div', { class: 'wf-row', role: 'row', id: `wf-${number}` }, this.#left, this.#time);
  }

  show(waterfall, k, index) {
    const { tree } = waterfall;
    const service = tree.serviceOf(index);
    const children = tree.hasChildren(index);
    const depth = tree.depth[index];
    this.element.rowIndex = k;
    this.element.style.transform = `translateY(${k * ROW_PX}px)`;
    this.element.setAttribute('aria-rowindex', String(k + 1));
    this.element.setAttribute('aria-level', String(depth + 1));
    if (children) this.element.setAttribute('aria-expanded', String(!waterfall.folded[index]));
    else this.element.removeAttribute('aria-expanded');
    // Deep trees would leave no room for names.
    this.#left.style.setProperty('--depth', String(Math.min(depth, DEPTH_MAX)));
    this.#fold.textContent = children ? (waterfall.folded[index] ? '▸' : '▾') : '';
    this.#dot.className = `dot ${hue(service)}`;
    setText(this.#service, service);
    this.#name.textContent = shown(tree.nameOf(index), 200) || '(no name)';
    this.#left.title = `${shown(service, 100)}: ${shown(tree.nameOf(index), 300)}`;
    this.#marks.textContent = marksOf(tree, index, depth);
    this.element.classList.toggle('is-error', tree.status[index] === 2);
    this.#place(waterfall, tree, index, service);
  }

  #place(waterfall, tree, index, service) {
    const from = waterfall.x(tree.start[index]);
    const to = waterfall.x(tree.start[index] + tree.duration[index]);
    const left = Math.max(-0.01, Math.min(1.01, from));
    const right = Math.max(left, Math.min(1.01, to));
    this.#bar.className = `wf-bar ${hue(service)}`;
    this.#bar.hidden = to < 0 || from > 1;
    this.#bar.style.left = `${100 * left}%`;
    this.#bar.style.width = `${100 * (right - left)}%`;
    this.#long.textContent = duration(tree.duration[index]);
    // Beside the bar, where there is room.
    const onRight = right < 0.86;
    this.#long.classList.toggle('before', !onRight);
    this.#long.style.left = `${100 * Math.max(0, onRight ? right : left)}%`;
  }

  say(selected, dimmed, matching) {
    this.element.setAttribute('aria-selected', String(selected));
    this.element.classList.toggle('is-selected', selected);
    this.element.classList.toggle('is-before', dimmed);
    this.element.classList.toggle('is-match', matching);
  }
}

function marksOf(tree, index, depth) {
  const marks = [];
  if (tree.flags[index] > 0) marks.push(tree.flags[index] > 1 ? `⚑${tree.flags[index]}` : '⚑');
  if (tree.odd[index] !== ODD.NONE) marks.push('◇');
  if (depth > DEPTH_MAX) marks.push(`↳${depth}`);
  return marks.join(' ');
}

/** Height of a row; style.css says the same. */
const ROW_PX = 24;
/** Rows drawn above and below those in sight. */
const OVER = 6;
/** Deeper rows are not moved further to the right; a mark tells their depth. */
const DEPTH_MAX = 12;
