// "Is it working?": senders → received → enriched → queue → downstream.

import { el, refill, setText } from './dom.js';
import { ago, number, perSecond } from './format.js';
import { stages } from './pulse.js';
import { Spark } from './spark.js';

/** Shapes beside the colours, for those who do not see these. */
export const SHAPES = { ok: '●', quiet: '○', waiting: '◌', warn: '▲', bad: '■' };

/** The strip at the top of every view. */
export class Strip {
  #cells = new Map();

  constructor(element) {
    this.element = element;
  }

  show(overview, pulse) {
    const now = number(overview.now_unix_ms);
    const all = stages(overview, pulse);
    if (this.#cells.size === 0) {
      for (const stage of all) this.#cells.set(stage.id, new Cell());
      refill(this.element, ...[...this.#cells.values()].map((cell) => cell.element));
    }
    for (const stage of all) this.#cells.get(stage.id).show(stage, now, pulse.history(stage.counter));
  }
}

class Cell {
  #label = el('span', { class: 'stage-label' });
  #shape = el('span', { class: 'shape', 'aria-hidden': 'true' });
  #word = el('span', { class: 'word' });
  #figure = el('span', { class: 'figure' });
  #unit = el('span', { class: 'unit' });
  #last = el('span', { class: 'last' });
  #note = el('span', { class: 'note' });
  #spark = new Spark({ width: 120, height: 26, points: 60 });

  constructor() {
    this.element = el(
      'a',
      { class: 'stage' },
      el('span', { class: 'stage-head' }, this.#label, el('span', { class: 'state' }, this.#shape, this.#word)),
      el('span', { class: 'stage-figure' }, this.#figure, ' ', this.#unit),
      el('span', { class: 'stage-foot' }, this.#last, this.#note),
      this.#spark.element,
    );
  }

  show(stage, now, history) {
    this.element.dataset.state = stage.state;
    this.element.dataset.stage = stage.id;
    this.element.setAttribute('href', stage.href);
    setText(this.#label, stage.label);
    setText(this.#shape, SHAPES[stage.state] ?? '●');
    setText(this.#word, stage.word);
    setText(this.#figure, stage.figure === null ? '–' : perSecond(stage.figure));
    setText(this.#unit, stage.unit);
    setText(this.#last, stage.last ? ago(stage.last, now) : '');
    setText(this.#note, stage.note);
    this.#note.classList.toggle('grave', Boolean(stage.grave));
    this.element.title = stage.note ?? '';
    this.#spark.show(history);
  }
}
