// States that a real burgee reaches only after minutes of trouble, at the stand-in.

import assert from 'node:assert/strict';
import { startMock } from './mock.mjs';
import { expectText, filled, focusBody, go } from './page.mjs';
import { ODD_TRACE_ID } from './telemetry.mjs';

export async function stateTests(test, browser) {
  const mock = await startMock();
  mock.life.scenario = 'trouble';
  try {
    const { page, offences } = await browser.open(`${mock.url}/`);
    await trouble(test, page);
    await trees(test, page);
    await test('nothing of that was against the policy', async () => assert.deepEqual(await offences(), []));
    await page.close();
  } finally {
    await mock.close();
  }
}

async function trouble(test, page) {
  await test('the strip says in words where it is stuck, and leads to why', async () => {
    await expectText(page, '[data-stage="senders"] .note', /^X01: /);
    await expectText(page, '[data-stage="received"] .word', 'refusing');
    await expectText(page, '[data-stage="queue"] .word', 'dropping');
    await expectText(page, '[data-stage="downstream"] .word', 'retrying');
    await expectText(page, '[data-stage="downstream"] .note', /connection refused/);
    await page.locator('[data-stage="received"]').click();
    await page.locator('.view-rejected').waitFor();
    await page.locator('[data-stage="downstream"]').click();
    await page.locator('#at-downstream:focus').waitFor();
  });
  await test('findings are told by severity, their fix is copied, what is resolved stands apart', async () => {
    await go(page, '#/findings');
    await page.locator('.card').first().waitFor();
    assert.deepEqual(await page.locator('.cards:not(.resolved) .card .id').allTextContents(), ['X01', 'D01', 'P01']);
    assert.deepEqual(await page.locator('.cards.resolved .card .id').allTextContents(), ['P05']);
    await expectText(page, '.badge', '2');
    await focusBody(page);
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('y');
    await page.waitForFunction(async () => (await navigator.clipboard.readText()).startsWith('exporters:\n  otlp_grpc/jaeger:'));
    assert.match(await page.title(), /^\(2\) Findings/);
  });
  await test('rejected requests come with a hint', async () => {
    await go(page, '#/rejected');
    await filled(page, '.t-rejected');
    await expectText(page, '.t-rejected .hint', /base URL/);
    // a row may be another one by the time that the mouse is there
    await page.keyboard.press('p');
    await focusBody(page);
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.locator('.t-rejected .opened').waitFor();
    await page.keyboard.press('p');
  });
  await test('the horizon is said', async () => {
    await expectText(
      page,
      '.horizon',
      /^keeping the last 1\d min, 4\.1 MiB of 32 MiB; 1 of 4 traces kept, [\d,]+ items not looked at$/,
    );
  });
}

async function trees(test, page) {
  await test('orphans, own parents and cycles are shown as roots with a note, and nothing is corrected', async () => {
    await go(page, `#/trace/${ODD_TRACE_ID}?span=0000000000000009`);
    await expectText(page, '.span-panel .note', /begins 3 ms before its parent/i);
    await expectText(page, '.notes', /names a parent that never came/);
    const roots = await page.evaluate(async (id) => {
      const { Tree, ODD } = await import('/page/tree.js');
      const tree = new Tree(await (await fetch(`/api/trace/${id}`)).json());
      const told = Object.fromEntries(Object.entries(ODD).map(([name, value]) => [value, name]));
      return {
        size: tree.size,
        placed: new Set(tree.order).size,
        roots: [...tree.order].filter((i) => tree.depth[i] === 0).map((i) => `${tree.nameOf(i)} ${told[tree.odd[i]]}`),
      };
    }, ODD_TRACE_ID);
    assert.equal(roots.placed, roots.size);
    assert.deepEqual(roots.roots, ['root NONE', 'orphan NO_PARENT', 'own parent SELF', 'cycle CYCLE']);
  });
  await test('whatever points where, every span is placed once and no recursion runs out', async () => {
    const misplaced = await page.evaluate(async () => {
      const { Tree } = await import('/page/tree.js');
      const id = (i) => i.toString(16);
      const span = (i, up) => [id(i), up, 0, 0, 0, i, 5, 0, 0];
      const shapes = [
        Array.from({ length: 100_000 }, (_, i) => span(i, i === 0 ? '' : id(i - 1))),
        Array.from({ length: 100_000 }, (_, i) => span(i, id((i + 1) % 100_000))),
        ...Array.from({ length: 200 }, (_, seed) =>
          Array.from({ length: 60 }, (_, i) =>
            span(i % (40 + (seed % 20)), id(Math.floor(Math.abs(Math.sin(seed * 97 + i)) * 70))),
          ),
        ),
        [],
        [['a'], null, 5, ['b', 'a'], [null, undefined, 'x', {}, [], 'NaN', -1, 9, 'y']],
      ];
      return shapes
        .map((spans, n) => {
          const tree = new Tree({ spans });
          const nested = [...tree.order].every(
            (i, place) =>
              tree.place[i] === place &&
              tree.end[i] > place &&
              (tree.up[i] === -1 || (tree.place[tree.up[i]] < place && tree.end[tree.up[i]] >= tree.end[i])),
          );
          return new Set(tree.order).size === tree.size && nested ? null : n;
        })
        .filter((n) => n !== null);
    });
    assert.deepEqual(misplaced, []);
  });
  await test('rates begin anew with another process, and are never below zero', async () => {
    const rates = await page.evaluate(async () => {
      const { Pulse } = await import('/page/pulse.js');
      const pulse = new Pulse();
      const overview = (pid, sent) => ({ now_unix_ms: 1e12, status: { pid, outboxes: [{ sent }] } });
      const said = [];
      for (const [at, pid, sent] of [
        [0, 1, 100],
        [1000, 1, 110],
        [2000, 1, 140],
        [3000, 2, 5],
        [4000, 2, 6],
      ]) {
        pulse.take(overview(pid, sent), at);
        said.push(pulse.rate('sent'));
      }
      return said;
    });
    assert.deepEqual(rates, [null, 10, 20, null, 1]);
  });
}
