// Numbers, times and sizes as people read them. Everything takes what may be missing.

/** "1,204" */
export function count(n) {
  return number(n).toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** "1 span", "2 spans" */
export function counted(n, one, many = `${one}s`) {
  return `${count(n)} ${number(n) === 1 ? one : many}`;
}

/** "940", "12.3k", "4.1M" */
export function short(n) {
  const value = number(n);
  for (const [unit, name] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ]) {
    if (value >= unit) return `${significant(value / unit)}${name}`;
  }
  return String(Math.round(value));
}

/** A rate per second: "0", "0.3", "12", "1.2k" */
export function perSecond(rate) {
  const value = number(rate);
  if (value <= 0) return '0';
  if (value < 0.05) return '<0.1';
  return value < 10 ? String(Number(value.toFixed(1))) : short(value);
}

/** How long ago: "now", "3 s", "12 min", "5 h", "9 d" */
export function span(ms) {
  const seconds = Math.max(0, number(ms)) / 1000;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** "just now", "3 s ago", or "never" for 0. */
export function ago(atMs, nowMs) {
  if (!number(atMs)) return 'never';
  const age = nowMs - atMs;
  return age < 1500 ? 'just now' : `${span(age)} ago`;
}

/** A duration of microseconds: "740 µs", "12.3 ms", "1.24 s", "2 min 3 s" */
export function duration(us) {
  const value = number(us);
  const size = Math.abs(value);
  if (size < 0.5) return '0';
  if (size < 1000) return `${Math.round(value)} µs`;
  if (size < 1e6) return `${significant(value / 1e3)} ms`;
  if (size < 60e6) return `${significant(value / 1e6)} s`;
  const seconds = Math.round(value / 1e6);
  return `${Math.trunc(seconds / 60)} min ${Math.abs(seconds % 60)} s`;
}

/** "4.1 MiB" */
export function bytes(n) {
  let value = number(n);
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (value < 1024 || unit === 'GiB') return unit === 'B' ? `${value} B` : `${significant(value)} ${unit}`;
    value /= 1024;
  }
  return '';
}

/** Local time of day with milliseconds: "14:03:07.120" */
export function clock(atMs) {
  if (!number(atMs)) return '';
  const at = new Date(atMs);
  if (Number.isNaN(at.getTime())) return '';
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** Local day and time: "2026-08-20 14:03:07" */
export function dated(atMs) {
  if (!number(atMs)) return '';
  const at = new Date(atMs);
  if (Number.isNaN(at.getTime())) return '';
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(atMs).slice(0, 8)}`;
}

/** "62 %"; what is there is never "0 %", and what is not all is never "100 %". */
export function percent(part, whole) {
  const share = number(whole) > 0 ? (100 * number(part)) / whole : 0;
  if (share > 0 && share < 1) return '<1 %';
  if (share > 99 && share < 100) return '>99 %';
  return `${Math.round(share)} %`;
}

/** A number that can be reckoned with; 0 for what is missing or none. */
export function number(n) {
  const value = Number(n ?? 0);
  return Number.isFinite(value) ? value : 0;
}

/** A list, also where none came. */
export function list(of) {
  return Array.isArray(of) ? of : [];
}

/** Text, also where none came. */
export function text(of) {
  return typeof of === 'string' ? of : of === null || of === undefined ? '' : String(of);
}

/** One of ten colours for a name, always the same. */
export function hue(name) {
  let hash = 7;
  for (let i = 0; i < name.length && i < 64; i++) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) >>> 0;
  return `hue${((hash ^ (hash >>> 11)) >>> 0) % 10}`;
}

function significant(value) {
  const size = Math.abs(value);
  return String(Number(value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)));
}

function two(n) {
  return String(n).padStart(2, '0');
}
