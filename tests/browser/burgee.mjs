// A burgee of its own for a test, on free ports, or the stand-in for one. Both are asked and told things alike.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMock } from './mock.mjs';

/** `{admin, otlp, demo(), send(traces), restart(), stop()}`; admin and otlp are URLs. */
export async function startBurgee() {
  return process.env.STAND_IN ? standIn() : real(process.env.BURGEE);
}

async function real(binary) {
  const folder = await mkdtemp(join(tmpdir(), 'burgee-page-'));
  const [grpc, http, admin] = await freePorts(3);
  const config = join(folder, 'burgee.yaml');
  await writeFile(config, configuration(grpc, http, admin));
  const running = { child: null, others: [], log: '' };
  const start = async () => {
    running.child = spawn(binary, ['--config', config], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [running.child.stdout, running.child.stderr])
      stream.on('data', (data) => {
        running.log = (running.log + data).slice(-4000);
      });
    await answering(`http://127.0.0.1:${admin}/`, running);
  };
  const startedAt = performance.now();
  await start();
  return {
    startedAt,
    admin: `http://127.0.0.1:${admin}`,
    otlp: `http://127.0.0.1:${http}`,
    demo: () =>
      running.others.push(
        spawn(binary, ['demo', '--endpoint', `http://127.0.0.1:${http}`, '--duration', '60s', '--rate', '10'], {
          stdio: 'ignore',
        }),
      ),
    send: (path, body, headers) => post(`http://127.0.0.1:${http}${path}`, body, headers),
    halt: () => end(running.child),
    start,
    stop: async () => {
      for (const child of [running.child, ...running.others]) await end(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function standIn() {
  let mock = await startMock();
  mock.life.scenario = 'waiting';
  const port = Number(new URL(mock.url).port);
  return {
    startedAt: performance.now(),
    admin: mock.url,
    otlp: 'http://localhost:4318',
    demo: () => {
      mock.life.scenario = 'healthy';
    },
    send: (path, body, headers) => post(`${mock.url}${path}`, body, headers),
    halt: () => mock.close(),
    start: async () => {
      mock = await startMock(port);
    },
    stop: () => mock.close(),
  };
}

/** Sends a body; `{status, text}`. */
export function post(url, body, headers = { 'content-type': 'application/json' }) {
  return exchange(url, { method: 'POST', headers }, body);
}

/** A request with whatever headers, also those that fetch forbids. */
export function exchange(url, options, body) {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent: false, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (data) => {
        text += data;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

async function answering(url, running) {
  const until = performance.now() + 60_000;
  while (performance.now() < until) {
    if (running.child.exitCode !== null) throw new Error(`burgee ended with ${running.child.exitCode}:\n${running.log}`);
    const answer = await exchange(url, {}).catch(() => null);
    if (answer) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`burgee does not answer at ${url}:\n${running.log}`);
}

async function end(child) {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const killing = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(killing);
}

// Held open until all are known, so that no two are the same.
async function freePorts(count) {
  const servers = [];
  for (let i = 0; i < count; i++) {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
  }
  const ports = servers.map((server) => server.address().port);
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}

function configuration(grpc, http, admin) {
  return `
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:${grpc}
      http:
        endpoint: 127.0.0.1:${http}
processors:
  feature_flag:
exporters:
  nop:
extensions:
  admin:
    endpoint: 127.0.0.1:${admin}
service:
  extensions: [admin]
  pipelines:
    traces:
      receivers: [otlp]
      processors: [feature_flag]
      exporters: [nop]
    logs:
      receivers: [otlp]
      processors: [feature_flag]
      exporters: [nop]
`;
}
