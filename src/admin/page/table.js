// Tables whose rows keep their element while their values change, so that focus, selection and scrolling stay.
// They are grids with roles, since rows become cards on narrow windows.

import { el, refill, shown } from './dom.js';

/**
 * `columns`: `{id, title, value(item), node(item)?, order(item)?, number?}`. `value` is the text, and with `node` what
 * tells whether the node has to be made anew. `order` makes the column sortable.
 */
export class Table {
  #rows = new Map();
  #body = el('div', { role: 'rowgroup', class: 'tbody' });
  #heads = new Map();
  #sort = null;

  constructor({ name, label, columns, key, open, sort, empty, rowClass }) {
    Object.assign(this, { columns, key, open, empty, rowClass });
    this.#sort = sort ?? null;
    this.#empty = el('p', { class: 'empty' });
    this.element = el(
      'div',
      { class: `table t-${name}`, role: 'table', 'aria-label': label },
      el(
        'div',
        { role: 'rowgroup', class: 'thead' },
        el(
          'div',
          { role: 'row', class: 'tr' },
          columns.map((column) => this.#head(column)),
        ),
      ),
      this.#body,
      this.#empty,
    );
    this.#body.addEventListener('click', (event) => {
      // Links and buttons do their own; who has selected text wants to copy it.
      if (event.target.closest('a, button, [data-term]') || !document.getSelection().isCollapsed) return;
      this.openElement(event.target);
    });
  }

  #empty;

  /** Shows these items and no others, sorted if a column says so. */
  show(items) {
    this.items = items;
    const focused = this.#body.contains(document.activeElement) ? document.activeElement : null;
    const place = focused ? [...this.#body.children].indexOf(focused.closest('.tr')) : -1;
    const wanted = this.#sorted(items);
    const keys = new Set();
    let next = this.#body.firstElementChild;
    for (const item of wanted) {
      const row = this.#row(item);
      keys.add(this.key(item));
      if (row.element === next) next = next.nextElementSibling;
      else this.#body.insertBefore(row.element, next);
    }
    for (const [key, row] of this.#rows) {
      if (!keys.has(key)) this.#drop(key, row);
    }
    // To move an element takes the focus away from it.
    if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
    // A row that is gone leaves it to the one that is now in its place.
    if (focused && !focused.isConnected) {
      this.#body.children[Math.min(place, this.#body.children.length - 1)]?.focus({ preventScroll: true });
    }
    this.#said();
  }

  /** Puts items, the latest last, above those that are there, and keeps no more than `max`. */
  prepend(items, max) {
    const fragment = document.createDocumentFragment();
    for (const item of items.slice(-max)) fragment.prepend(this.#row(item).element);
    this.#body.prepend(fragment);
    for (const [key, row] of this.#rows) {
      if (this.#rows.size <= max) break;
      this.#drop(key, row);
    }
    this.#said();
  }

  clear() {
    for (const [key, row] of this.#rows) this.#drop(key, row);
    this.#said();
  }

  get size() {
    return this.#rows.size;
  }

  /** Opens the item of the row that this element is in; false if it is in none. */
  openElement(element) {
    const row = element?.closest?.('.tbody > .tr');
    const item = row && this.#body.contains(row) ? this.#rows.get(row.rowKey)?.item : undefined;
    if (item === undefined || !this.open) return false;
    this.open(item);
    return true;
  }

  #row(item) {
    const key = this.key(item);
    let row = this.#rows.get(key);
    if (!row) {
      const cells = this.columns.map((column) =>
        el('div', { role: 'cell', class: `td c-${column.id}${column.number ? ' num' : ''}`, 'data-title': column.title }),
      );
      row = { element: el('div', { role: 'row', class: 'tr', tabindex: '-1' }, cells), cells, signs: [] };
      row.element.rowKey = key;
      this.#rows.set(key, row);
    }
    row.item = item;
    if (this.rowClass) row.element.className = `tr ${this.rowClass(item)}`;
    this.columns.forEach((column, i) => fill(row, i, column, item));
    return row;
  }

  #drop(key, row) {
    row.element.remove();
    this.#rows.delete(key);
  }

  #head(column) {
    const attributes = { role: 'columnheader', class: `th c-${column.id}${column.number ? ' num' : ''}` };
    if (!column.order) return el('div', attributes, column.title);
    const head = el('div', attributes, el('button', { type: 'button', on: { click: () => this.#sortBy(column) } }, column.title));
    this.#heads.set(column.id, head);
    if (this.#sort?.id === column.id) mark(head, this.#sort.down);
    return head;
  }

  #sortBy(column) {
    const down = this.#sort?.id === column.id ? !this.#sort.down : Boolean(column.number);
    this.#sort = { id: column.id, down };
    for (const [id, head] of this.#heads) mark(head, id === column.id ? down : null);
    this.show(this.items ?? []);
  }

  #sorted(items) {
    const column = this.#sort && this.columns.find((column) => column.id === this.#sort.id);
    if (!column?.order) return items;
    const sign = this.#sort.down ? -1 : 1;
    return [...items].sort((a, b) => sign * compare(column.order(a), column.order(b)));
  }

  #said() {
    const nothing = this.#rows.size === 0;
    this.element.classList.toggle('is-empty', nothing);
    this.#empty.hidden = !nothing;
    if (nothing) refill(this.#empty, this.empty?.() ?? 'Nothing yet.');
    // One row can be reached with Tab; j and k move on from there.
    const reached = this.#body.querySelector(':scope > .tr[tabindex="0"]');
    if (reached && reached !== this.#body.firstElementChild) reached.tabIndex = -1;
    if (this.#body.firstElementChild) this.#body.firstElementChild.tabIndex = 0;
  }
}

function fill(row, i, column, item) {
  const sign = shown(column.value(item));
  if (row.signs[i] === sign) return;
  row.signs[i] = sign;
  if (column.node) refill(row.cells[i], column.node(item));
  else row.cells[i].textContent = sign;
  row.cells[i].classList.toggle('none', sign === '');
}

function mark(head, down) {
  if (down === null) head.removeAttribute('aria-sort');
  else head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
}

function compare(a, b) {
  return typeof a === 'string' ? a.localeCompare(b) : a - b;
}
