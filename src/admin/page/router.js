// Where we are, in the part of the address after the #: "#/flags/new-checkout?filter=…". Everything on the page that
// is worth coming back to has such an address.

/** The views of the navigation, in the order of their number keys. */
export const VIEWS = [
  { name: 'live', title: 'Live', letter: 'l' },
  { name: 'flags', title: 'Flags', letter: 'f' },
  { name: 'traces', title: 'Traces', letter: 't' },
  { name: 'findings', title: 'Findings', letter: 'i' },
  { name: 'rejected', title: 'Rejected', letter: 'r' },
  { name: 'overview', title: 'Overview', letter: 'o' },
];

/** `{view, id, query}`; the live view for what cannot be read. */
export function parse(hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s, 2);
  const [view, ...rest] = path.split('/');
  return { view: view || 'live', id: decoded(rest.join('/')), query: new URLSearchParams(query) };
}

/** The address of a view: `address('flags', 'new-checkout', {filter: ''})` */
export function address(view, id = '', query = {}) {
  const pairs = Object.entries(query).filter(([, value]) => value !== '' && value !== null && value !== undefined);
  const path = id === '' ? `#/${view}` : `#/${view}/${encodeURIComponent(well(id))}`;
  return pairs.length > 0 ? `${path}?${new URLSearchParams(pairs)}` : path;
}

/** A term of the filter language that holds for this very value. */
export function term(field, value) {
  // There is no escape for a quote within quotes; "*" stands for it, and callers compare again.
  const safe = String(value).replaceAll('"', '*');
  return /^[^\s"]+$/.test(safe) ? `${field}=${safe}` : `${field}="${safe}"`;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

// encodeURIComponent refuses halves of surrogate pairs.
function well(id) {
  return typeof id.toWellFormed === 'function' ? id.toWellFormed() : id.replace(/[\ud800-\udfff]/g, '');
}
