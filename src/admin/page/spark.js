// Small charts as SVG: a line with an area for what goes on, and bars for shares.

import { el, svg } from './dom.js';
import { hue, list, number, percent, text } from './format.js';

/** A line of the latest values, the present one at the right. */
export class Spark {
  #line = svg('path', { class: 'spark-line' });
  #area = svg('path', { class: 'spark-area' });

  constructor({ width, height, points }) {
    Object.assign(this, { width, height, points });
    this.element = svg(
      'svg',
      { class: 'spark', viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      this.#area,
      this.#line,
    );
  }

  show(values) {
    const shape = this.#shape(list(values).slice(-this.points).map(number));
    if (this.#line.getAttribute('d') === shape.line) return;
    this.#line.setAttribute('d', shape.line);
    this.#area.setAttribute('d', shape.area);
  }

  #shape(values) {
    const top = Math.max(...values, 0);
    if (values.length < SHAPE_MIN || top === 0) return { line: '', area: '' };
    // A short past fills a third, so that it can be seen.
    const points = Math.max(values.length, this.points / 3);
    const step = this.width / (points - 1);
    const from = points - values.length;
    const at = (value, i) =>
      `${((from + i) * step).toFixed(1)} ${(this.height - 1 - (value / top) * (this.height - 3)).toFixed(1)}`;
    const line = `M${values.map(at).join('L')}`;
    return { line, area: `${line}L${this.width} ${this.height}L${(from * step).toFixed(1)} ${this.height}Z` };
  }
}

/** One bar of coloured parts for shares `{name, evaluations}`, with the largest of them in words. */
export function shares(of, wordsMax = 3) {
  const parts = list(of).filter((share) => number(share.evaluations) > 0);
  parts.sort((a, b) => number(b.evaluations) - number(a.evaluations));
  const whole = parts.reduce((sum, share) => sum + number(share.evaluations), 0);
  const bar = svg('svg', { class: 'sharebar', viewBox: '0 0 100 6', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  let x = 0;
  for (const share of parts.slice(0, 12)) {
    const width = (100 * number(share.evaluations)) / whole;
    bar.append(
      svg('rect', {
        class: hue(text(share.name)),
        x: x.toFixed(2),
        y: 0,
        width: Math.max(0.4, width - 0.4).toFixed(2),
        height: 6,
      }),
    );
    x += width;
  }
  const words = parts
    .slice(0, wordsMax)
    .map((share) =>
      el(
        'span',
        { class: 'share' },
        el('i', { class: `dot ${hue(text(share.name))}` }),
        nameOr(share.name),
        ' ',
        el('b', {}, percent(share.evaluations, whole)),
      ),
    );
  if (wordsMax > 0 && parts.length > wordsMax) words.push(el('span', { class: 'share dim' }, `+${parts.length - wordsMax}`));
  return el('span', { class: 'shares' }, bar, el('span', { class: 'sharewords' }, words));
}

/** The name, or a dash where there is none. */
export function nameOr(name, instead = '—') {
  return text(name) === '' ? instead : text(name);
}

/** Fewer values are no shape yet. */
const SHAPE_MIN = 4;
