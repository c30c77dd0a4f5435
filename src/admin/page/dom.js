// Elements, made of text nodes and attributes alone. Whatever came over the wire is never read as markup: there is no
// markup made of text on this page, and its Content-Security-Policy would refuse it.

/** An element. Strings among the children become text nodes by way of `shown`; null and false are left out. */
export function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

/** Puts these children in the place of those that are there. */
export function refill(node, ...children) {
  node.replaceChildren(...nodes(children));
}

/** Changes the text only if it is another one, so that selections and the layout stay. */
export function setText(node, text) {
  const visible = shown(text);
  if (node.textContent !== visible) node.textContent = visible;
}

/** A link within this page. */
export function link(hash, text, attributes) {
  return el('a', { href: hash, ...attributes }, text);
}

/**
 * Text that cannot deceive: what is invisible, or turns the reading direction round, is written as an escape, and
 * what is longer than `max` characters is cut and says so.
 */
export function shown(text, max = 600) {
  let visible = typeof text === 'string' ? text : String(text ?? '');
  let more = '';
  if (visible.length > max) {
    more = `… (${visible.length - max} more)`;
    visible = visible.slice(0, max);
  }
  return (INVISIBLE.test(visible) ? visible.replace(EVERY_INVISIBLE, escaped) : visible) + more;
}

/** Text of several lines: line ends stay. */
export function shownLines(text) {
  return String(text ?? '')
    .split('\n')
    .map((line) => shown(line, 4000))
    .join('\n');
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') {
      for (const [event, heard] of Object.entries(value)) node.addEventListener(event, heard);
    } else {
      node.setAttribute(name, value === true ? '' : value);
    }
  }
  node.append(...nodes(children));
  return node;
}

function nodes(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(shown(child))));
}

function escaped(character) {
  const known = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character];
  return known ?? `\\u{${character.codePointAt(0).toString(16)}}`;
}

// Controls, halves of surrogate pairs, soft hyphens, zero widths, what changes the reading direction, tags.
const CLASS = String.raw`[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\ud800-\udfff\u{e0000}-\u{e007f}]`;
const INVISIBLE = new RegExp(CLASS, 'u');
const EVERY_INVISIBLE = new RegExp(CLASS, 'gu');
