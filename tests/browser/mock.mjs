// A stand-in for burgee's admin port: the page from the source tree, and answers that are made up. It shows what a real
// burgee reaches only after minutes of trouble, and serves who works on the page without Rust:
//
//   node tests/browser/mock.mjs          then http://127.0.0.1:4381/
//
// POST /mock/scenario with waiting, healthy or trouble changes what burgee is going through.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Life } from './mock_life.mjs';

const PAGE = new URL('../../src/admin/page/', import.meta.url);
const TYPES = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/** Starts it on a port, 0 for a free one; `{url, life, close}`. */
export async function startMock(port = 0) {
  const life = new Life();
  const server = createServer((request, response) =>
    answer(life, request, response).catch((error) => send(response, 500, 'text/plain', String(error))),
  );
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  return {
    url,
    life,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(resolve);
      }),
  };
}

async function answer(life, request, response) {
  const url = new URL(request.url, 'http://localhost');
  if (!/^(localhost|127\.0\.0\.1)(:\d+)?$/.test(request.headers.host ?? ''))
    return send(response, 421, 'text/plain', 'not for this host');
  const [, first, ...rest] = url.pathname.split('/').map(decodeURIComponent);
  if (first === '') return asset(response, 'index.html');
  if (first === 'page') return asset(response, rest.join('/'));
  if (first === 'mock' && request.method === 'POST') {
    life.scenario = rest[0];
    return json(response, 200, {});
  }
  if (first === 'v1' && request.method === 'POST') return otlp(life, rest[0], request, response);
  if (first !== 'api') return send(response, 404, 'text/plain', 'not found');
  return api(life, response, rest, url.searchParams);
}

function api(life, response, [what, id, , span], query) {
  const filter = query.get('filter') ?? '';
  if (/=\s*"[^"]*$/.test(filter)) return json(response, 400, { error: 'filter: a quote is not closed' });
  const unknown = filter
    .match(/(\w+)!?=/g)
    ?.find((term) => !/^(flag|variant|reason|service|provider|error|version|trace|span|value)!?=$/.test(term));
  if (unknown)
    return json(response, 400, {
      error: `filter: there is no field ${unknown.replace(/!?=/, '')}; fields are flag, variant, reason, service, …`,
    });
  const made = {
    overview: () => life.overview(),
    evaluations: () => life.evaluations(Number(query.get('after') ?? 0), Number(query.get('limit') ?? 500), filter),
    flags: () => life.flags(),
    traces: () => life.traces(filter, Number(query.get('limit') ?? 100)),
    rejections: () => life.rejections(),
    trace: () => (span === undefined ? life.traceAsJson(id) : life.span(id, span)),
  }[what]?.();
  if (made === undefined || made === null)
    return json(response, 404, {
      error: 'burgee does not remember this trace: it is older than what is kept, or was never here.',
    });
  return json(response, 200, made);
}

// OTLP/JSON, so that what is sent for real can be looked at here, too.
async function otlp(life, signal, request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  if (signal !== 'traces') return json(response, 404, {});
  life.receive(JSON.parse(Buffer.concat(chunks).toString()));
  return json(response, 200, {});
}

async function asset(response, name) {
  if (!/^[a-z_]+\.(html|js|css|svg)$/.test(name)) return send(response, 404, 'text/plain', 'not found');
  const body = await readFile(new URL(name, PAGE)).catch(() => null);
  if (!body) return send(response, 404, 'text/plain', 'not found');
  return send(response, 200, TYPES[name.split('.').pop()], body);
}

function json(response, status, value) {
  return send(response, status, 'application/json', typeof value === 'string' ? value : JSON.stringify(value));
}

function send(response, status, type, body) {
  response.writeHead(status, {
    'content-type': type,
    'content-security-policy': CSP,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  });
  response.end(body);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await startMock(Number(process.argv[2] ?? 4381));
  console.log(url);
}
