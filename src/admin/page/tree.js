// From a trace's spans, as they came, to rows: who is below whom. No DOM, and no recursion, since nothing keeps a trace
// from being a chain of a hundred thousand spans. Nothing is corrected: what cannot be placed is a root, and marked.

import { duration, list, number, text } from './format.js';

/** Why a span is a root, besides having no parent. */
export const ODD = { NONE: 0, NO_PARENT: 1, SELF: 2, CYCLE: 3 };

/**
 * `spans` are the rows of /api/trace. The result has one entry per span in every array:
 * `id parent(text) name service kind start duration status flags` as they came, `up` (index of the parent or -1), `odd`,
 * and `order` (indexes from top to bottom), `depth`, `place` (where in `order` a span is), `end` (the place after the
 * last span below it), `begin` and `span` (the earliest start and the latest end).
 */
export class Tree {
  constructor(trace) {
    const spans = list(trace?.spans).filter(Array.isArray);
    const size = spans.length;
    this.size = size;
    this.names = list(trace?.names).map(text);
    this.services = list(trace?.services).map(text);
    this.id = new Array(size);
    this.parent = new Array(size);
    this.name = new Uint32Array(size);
    this.service = new Uint32Array(size);
    this.kind = new Uint8Array(size);
    this.start = new Float64Array(size);
    this.duration = new Float64Array(size);
    this.status = new Uint8Array(size);
    this.flags = new Uint32Array(size);
    this.#read(spans);
    this.#findParents();
    this.#putInOrder();
    this.#measure();
  }

  nameOf(index) {
    return this.names[this.name[index]] ?? '';
  }

  serviceOf(index) {
    return this.services[this.service[index]] ?? '';
  }

  /** The first span with this id, or -1. */
  find(id) {
    return this.byId.get(id) ?? -1;
  }

  hasChildren(index) {
    return this.end[index] > this.place[index] + 1;
  }

  #read(spans) {
    spans.forEach((span, i) => {
      this.id[i] = text(span[0]);
      this.parent[i] = text(span[1]);
      this.name[i] = number(span[2]);
      this.service[i] = number(span[3]);
      this.kind[i] = number(span[4]);
      this.start[i] = number(span[5]);
      this.duration[i] = Math.max(0, number(span[6]));
      this.status[i] = number(span[7]);
      this.flags[i] = number(span[8]);
    });
  }

  #findParents() {
    this.byId = new Map();
    let twice = 0;
    for (let i = 0; i < this.size; i++) {
      if (this.byId.has(this.id[i])) twice++;
      else this.byId.set(this.id[i], i);
    }
    this.up = new Int32Array(this.size).fill(-1);
    this.odd = new Uint8Array(this.size);
    for (let i = 0; i < this.size; i++) {
      if (this.parent[i] === '') continue;
      const up = this.byId.get(this.parent[i]);
      if (up === undefined) this.odd[i] = ODD.NO_PARENT;
      else if (this.parent[i] === this.id[i]) this.odd[i] = ODD.SELF;
      else this.up[i] = up;
    }
    this.twice = twice;
  }

  /** Depth first, siblings by start. What no root leads to is a cycle: its first span becomes a root. */
  #putInOrder() {
    const { firstChild, nextSibling, byStart } = this.#children();
    this.order = new Uint32Array(this.size);
    this.place = new Uint32Array(this.size);
    this.depth = new Uint32Array(this.size);
    const placed = new Uint8Array(this.size);
    let count = 0;
    const descend = (root) => {
      let at = root;
      this.depth[root] = 0;
      while (at !== -1) {
        placed[at] = 1;
        this.order[count] = at;
        this.place[at] = count++;
        let next = firstChild[at];
        // A child that is placed already closes a cycle.
        while (next !== -1 && placed[next]) next = nextSibling[next];
        if (next === -1) next = this.#nextUpwards(at, root, nextSibling, placed);
        if (next !== -1) this.depth[next] = this.depth[this.up[next]] + 1;
        at = next;
      }
    };
    for (const i of byStart) if (this.up[i] === -1) descend(i);
    if (count === this.size) return;
    for (const i of byStart) {
      if (!placed[i]) descend(this.#cutCycle(i));
    }
  }

  // Upwards from a span that no root leads to, until a span is met again: that one is in the cycle, which is cut above
  // its earliest span. Returns the root that this makes.
  #cutCycle(from) {
    const met = new Set();
    let at = from;
    while (!met.has(at)) {
      met.add(at);
      at = this.up[at];
    }
    let earliest = at;
    for (let around = this.up[at]; around !== at && around !== -1; around = this.up[around]) {
      if (this.start[around] < this.start[earliest]) earliest = around;
    }
    this.up[earliest] = -1;
    this.odd[earliest] = ODD.CYCLE;
    return earliest;
  }

  #nextUpwards(from, root, nextSibling, placed) {
    for (let at = from; at !== root; at = this.up[at]) {
      let next = nextSibling[at];
      while (next !== -1 && placed[next]) next = nextSibling[next];
      if (next !== -1) return next;
    }
    return -1;
  }

  #children() {
    const byStart = Uint32Array.from({ length: this.size }, (_, i) => i);
    // They come by start; only who does not keep to that has to pay for it.
    if (this.start.some((start, i) => i > 0 && start < this.start[i - 1])) {
      byStart.sort((a, b) => this.start[a] - this.start[b] || a - b);
    }
    const firstChild = new Int32Array(this.size).fill(-1);
    const nextSibling = new Int32Array(this.size).fill(-1);
    for (let k = this.size - 1; k >= 0; k--) {
      const i = byStart[k];
      const up = this.up[i];
      if (up === -1) continue;
      nextSibling[i] = firstChild[up];
      firstChild[up] = i;
    }
    return { firstChild, nextSibling, byStart };
  }

  #measure() {
    this.end = new Uint32Array(this.size);
    this.span = 0;
    this.begin = Infinity;
    const stack = [];
    for (let place = 0; place < this.size; place++) {
      const i = this.order[place];
      while (stack.length > 0 && this.depth[stack.at(-1)] >= this.depth[i]) this.end[stack.pop()] = place;
      stack.push(i);
      this.begin = Math.min(this.begin, this.start[i]);
      this.span = Math.max(this.span, this.start[i] + this.duration[i]);
    }
    for (const i of stack) this.end[i] = this.size;
    if (this.size === 0) this.begin = 0;
  }
}

/** What is odd about a span's place, in sentences. */
export function oddities(tree, index) {
  const said = [];
  if (tree.odd[index] === ODD.NO_PARENT) {
    said.push(
      `Its parent ${tree.parent[index]} is not here. Either the parent's service sends its spans elsewhere or not at all, or it did not sample the trace, or the span is still open, or was lost.`,
    );
  }
  if (tree.odd[index] === ODD.SELF) said.push('It names itself as its parent.');
  if (tree.odd[index] === ODD.CYCLE) said.push('Its ancestors lead back to itself, so it is shown as a root.');
  const up = tree.up[index];
  if (up !== -1) {
    const early = tree.start[up] - tree.start[index];
    const late = tree.start[index] + tree.duration[index] - tree.start[up] - tree.duration[up];
    if (early > 0)
      said.push(`It begins ${duration(early)} before its parent; clocks of two machines may differ. Nothing is corrected.`);
    if (late > 0) said.push(`It ends ${duration(late)} after its parent.`);
  }
  return said;
}
