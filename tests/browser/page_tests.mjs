// The page of a burgee that is started for it, as people use it.

import assert from 'node:assert/strict';
import { exchange, startBurgee } from './burgee.mjs';
import { expectText, filled, focusBody, go, pressUntil, rowsOf, shownIn } from './page.mjs';
import { HOSTILE, hostileRequest, LARGE_TRACE_ID, largeRequests } from './telemetry.mjs';

export async function pageTests(test, browser) {
  const burgee = await startBurgee();
  try {
    const { page, offences } = await opened(test, browser, burgee);
    await firstMinutes(test, page, burgee);
    await tail(test, page);
    await keyboard(test, page);
    await largeTrace(test, page, burgee);
    await hostile(test, page, burgee);
    await strangers(test, burgee);
    await away(test, page, burgee);
    await test('all the while no console error, no dialog, no request elsewhere, nothing against the policy', async () => {
      assert.deepEqual(await offences(), []);
    });
    await page.close();
  } finally {
    await burgee.stop();
  }
}

async function opened(test, browser, burgee) {
  const weights = [];
  const watched = await browser.open(`${burgee.admin}/`);
  const { page } = watched;
  await test('the page opens, and weighs at most 300 KB', async () => {
    page.on('response', (response) => {
      if (!response.url().includes('/api/')) weights.push({ url: response.url() });
    });
    await page.reload({ waitUntil: 'networkidle' }).catch(() => page.reload());
    await page.waitForSelector('.stage');
    assert.equal(await page.locator('.stage').count(), 5);
    // what the browser knows already is not sent again, so each is asked for once more
    let bytes = 0;
    for (const url of new Set(weights.map((one) => one.url))) bytes += Buffer.byteLength((await exchange(url, {})).text);
    assert.ok(bytes > 50_000 && bytes <= 300_000, `${bytes} bytes`);
    return `${(bytes / 1000).toFixed(0)} KB in ${weights.length} files`;
  });
  await test('page and assets come with a strict policy and their types', async () => {
    for (const { url } of weights) {
      const { headers } = await exchange(url, {});
      assert.equal(headers['x-content-type-options'], 'nosniff', url);
      assert.match(headers['content-type'], /^(text\/html|text\/javascript|text\/css|image\/svg\+xml)/, url);
    }
    const { headers } = await exchange(`${burgee.admin}/`, {});
    for (const wanted of [
      "default-src 'none'",
      "script-src 'self'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ]) {
      assert.ok(headers['content-security-policy'].includes(wanted), `${wanted} is not in ${headers['content-security-policy']}`);
    }
    assert.equal(headers['set-cookie'], undefined);
  });
  return watched;
}

async function firstMinutes(test, page, burgee) {
  await test('with nothing there it waits for the first span, and gives settings with the real port to copy', async () => {
    await page.waitForSelector('.welcome h1');
    await expectText(page, '.welcome h1', /Waiting for the first span/);
    await expectText(page, '[data-stage="senders"]', /waiting/);
    await page.locator('.guide .copy').first().click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(copied, `OTEL_EXPORTER_OTLP_ENDPOINT=${burgee.otlp.replace('127.0.0.1', 'localhost')}`);
    await page.locator('[data-guide="python"]').focus();
    await expectText(page, '.guide', /opentelemetry-instrument/);
  });
  await test('the flags of `burgee demo` are shown within 10 s of its start', async () => {
    const started = performance.now();
    burgee.demo();
    await go(page, '#/flags');
    for (const key of ['new-checkout', 'search-ranking', 'payment-provider'])
      await page.locator('.t-flags .c-flag', { hasText: key }).first().waitFor({ timeout: 100_000 });
    const seconds = (performance.now() - started) / 1000;
    await page.locator('[data-stage="enriched"][data-state="ok"]').waitFor();
    return `after ${seconds.toFixed(1)} s`;
  });
  await test("a flag's own page has its variants, evaluations and traces", async () => {
    await page.locator('.t-flags .c-flag a', { hasText: /^new-checkout$/ }).click();
    await expectText(page, 'h1', /^new-checkout$/);
    await expectText(page, '.sharelist', /on|off/);
    await filled(page, '.view-flag .t-live');
    await filled(page, '.view-flag .t-traces');
  });
}

async function tail(test, page) {
  await test('a filter narrows the live tail, stands in the address, and says what is wrong with it', async () => {
    await go(page, '#/live');
    await filled(page, '.t-live');
    await page.keyboard.press('/');
    await page.keyboard.type('flag=search-*');
    await page.waitForFunction(() => location.hash === '#/live?filter=flag%3Dsearch-*');
    await filled(page, '.t-live');
    await page.waitForFunction(() =>
      [...document.querySelectorAll('.t-live .td.c-flag')].every((cell) => cell.textContent.startsWith('search-')),
    );
    await page.reload();
    await filled(page, '.t-live');
    assert.ok((await page.locator('.t-live .td.c-flag').allTextContents()).every((key) => key.startsWith('search-')));
    await page.locator('#filter').fill('flag="open');
    await page.waitForFunction(() => document.querySelector('.filter-error').textContent.length > 5);
    await page.locator('#filter').fill('');
    await page.waitForFunction(() => document.querySelector('.filter-error').textContent === '');
  });
  await test('a click on a variant takes it into the filter', async () => {
    await page.locator('.t-live .c-variant .told').first().click();
    await page.waitForFunction(() => location.hash.startsWith('#/live?filter=variant%3D'));
    await go(page, '#/live');
  });
  await test('the tail pauses, resumes and is cleared', async () => {
    // the view of before, with its filter, has gone, and its keys with it
    await page.waitForFunction(() => document.querySelector('#filter')?.value === '');
    await filled(page, '.t-live');
    await focusBody(page);
    await pressUntil(page, 'p', '.counts', /paused/);
    const asked = [];
    const listening = (request) => request.url().includes('/api/evaluations') && asked.push(request.url());
    page.on('request', listening);
    const overviews = { count: 0 };
    await page.waitForResponse((response) => response.url().includes('/api/overview') && ++overviews.count === 3);
    assert.deepEqual(asked, [], 'nothing is asked for while paused');
    page.off('request', listening);
    await page.keyboard.press('c');
    assert.equal(await rowsOf(page, '.t-live'), 0);
    await page.keyboard.press('p');
    await filled(page, '.t-live');
  });
}

async function keyboard(test, page) {
  await test('all views are reached and used with the keyboard alone', async () => {
    await focusBody(page);
    for (const [key, view] of [
      ['2', 'flags'],
      ['3', 'traces'],
      ['4', 'findings'],
      ['5', 'rejected'],
      ['6', 'overview'],
      ['1', 'live'],
    ]) {
      await page.keyboard.press(key);
      await page.locator(`.view-${view}`).waitFor();
      assert.equal(await page.locator('nav a[aria-current="page"]').getAttribute('href'), `#/${view}`);
    }
    await page.keyboard.press('g');
    await page.keyboard.press('f');
    await filled(page, '.t-flags');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    const key = await page.evaluate(() => document.activeElement.querySelector('.c-flag')?.textContent);
    await page.keyboard.press('Enter');
    await expectText(page, '.view-flag h1', key);
    await page.keyboard.press('Escape');
    await page.locator('.view-flags').waitFor();
  });
  await test('help opens and closes, the theme turns, and the focus can be seen', async () => {
    await page.keyboard.press('?');
    await page.locator('dialog.help[open]').waitFor();
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => !document.querySelector('dialog'));
    await page.keyboard.press('t');
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
    await page.reload();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
    await page.locator('.stage').first().waitFor();
    await focusBody(page);
    await page.keyboard.press('t');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none');
  });
  await test('a trace opens with Enter, and Escape leads back', async () => {
    await go(page, '#/traces');
    // a flag's own page has a table of traces, too
    await filled(page, '.view-traces .t-traces');
    await focusBody(page);
    // the list is alive: a row may be gone between two keys on a busy machine, and then the keys are pressed again
    for (let attempt = 1; ; attempt++) {
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      const opened = page.locator('.wf-row').first().waitFor({ timeout: 5000 });
      if (await opened.then(() => true, () => false)) break;
      assert.ok(attempt < 6, `${page.url()}\n${await page.locator('main').innerText()}`);
    }
    await page.keyboard.press('Enter');
    await page.locator('.span-panel .attributes').waitFor();
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.querySelector('.span-panel').hidden);
    await page.keyboard.press('Escape');
    await page.locator('.view-traces').waitFor();
  });
}

async function largeTrace(test, page, burgee) {
  await test('a trace of 40,000 spans opens in less than 1 s', async () => {
    for (const body of largeRequests(40_000)) assert.equal((await burgee.send('/v1/traces', body)).status, 200);
    await go(page, `#/traces?filter=trace%3D${LARGE_TRACE_ID}`);
    await page.waitForFunction(() => document.querySelector('.t-traces .td.c-spans')?.textContent === '40,000', null, {
      timeout: 60_000,
    });
    const cold = [];
    for (let i = 0; i < 3; i++) cold.push(await openTrace(page, `${burgee.admin}/#/trace/${LARGE_TRACE_ID}`));
    await go(page, '#/traces');
    await filled(page, '.t-traces');
    const warm = await page.evaluate(opensWithin, `#/trace/${LARGE_TRACE_ID}`);
    const all = (name) => cold.map((one) => Math.round(one[name])).join(', ');
    assert.ok(Math.min(...cold.map((one) => one.painted)) < 10_000, all('painted'));
    return `${all('painted')} ms from navigation to first rows, of which the page was busy ${all('busy')} ms; ${Math.round(warm)} ms from the list`;
  });
  await test('its rows scroll, fold, zoom and are found, and only those in sight have elements', async () => {
    assert.ok((await page.locator('.wf-row').count()) < 200);
    const last = () => document.querySelector('.wf-row.is-selected')?.getAttribute('aria-rowindex') === '40000';
    // the rows are there before the page listens to keys
    for (let attempt = 1; ; attempt++) {
      await page.keyboard.press('End');
      if (await page.waitForFunction(last, null, { timeout: 5000 }).then(() => true, () => false)) break;
      assert.ok(attempt < 6, 'End does not lead to the last row');
    }
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowLeft');
    await page.waitForFunction(() => document.querySelector('.wf-rows').getAttribute('aria-rowcount') === '1');
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => document.querySelector('.wf-rows').getAttribute('aria-rowcount') === '40000');
    await page.keyboard.press('j');
    await page.keyboard.press('z');
    await page.keyboard.press('0');
    await page.keyboard.press('/');
    await page.keyboard.type('render');
    await expectText(page, '.counts', /spans match/);
    await page.keyboard.press('Escape');
  });
  await test('the flag lane goes from evaluation to evaluation and dims what began before', async () => {
    assert.ok((await page.locator('.marker').count()) > 10);
    await page.keyboard.press(']');
    await page.keyboard.press(']');
    await expectText(page, '.counts', /2 of 100: .*began before it/);
    assert.ok((await page.locator('.wf-row.is-before').count()) > 0);
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('.wf-row.is-before').count(), 0);
  });
}

// Besides the time on the clock, what the page's thread used of the processor, which other programs do not lengthen.
async function openTrace(page, url) {
  const session = await page.context().newCDPSession(page);
  await page.goto('about:blank');
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  await page.goto(url);
  await page.waitForFunction(() => performance.getEntriesByName('burgee:trace-painted').length > 0, null, { timeout: 100_000 });
  const { metrics } = await session.send('Performance.getMetrics');
  await session.detach();
  const painted = await page.evaluate(() => performance.getEntriesByName('burgee:trace-painted')[0].startTime);
  return { painted, busy: 1000 * metrics.find((metric) => metric.name === 'TaskDuration').value };
}

// In the page.
async function opensWithin(hash) {
  performance.clearMarks();
  const started = performance.now();
  location.hash = hash;
  while (performance.getEntriesByName('burgee:trace-painted').length === 0)
    await new Promise((resolve) => setTimeout(resolve, 4));
  return performance.getEntriesByName('burgee:trace-painted')[0].startTime - started;
}

async function hostile(test, page, burgee) {
  await test('hostile telemetry stays text in every view', async () => {
    assert.equal((await burgee.send('/v1/traces', hostileRequest())).status, 200);
    const odd = await burgee.send(`/v1/${encodeURIComponent(HOSTILE[0])}`, 'x', {
      'content-type': 'text/html',
      'user-agent': HOSTILE[0],
    });
    assert.ok(odd.status >= 400);
    await go(page, '#/live?filter=flag%3D*onerror*');
    await shownIn(page, '.t-live .c-flag', HOSTILE[0]);
    await page.locator('.t-live .c-flag a').first().click();
    await shownIn(page, '.view-flag h1', HOSTILE[0]);
    await go(page, '#/flags?filter=onerror');
    await shownIn(page, '.t-flags .c-flag', HOSTILE[0]);
    await go(page, '#/traces?filter=flag%3D*onerror*');
    await filled(page, '.t-traces');
    await focusBody(page);
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await shownIn(page, '.wf-name', HOSTILE[0]);
    await shownIn(page, '.marker-words', '<img src=x');
    for (let i = 0; i < HOSTILE.length; i++) {
      await page.keyboard.press('Home');
      for (let j = 0; j < i; j++) await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await page.locator('.span-panel .attributes dt').first().waitFor();
      await nothingGrew(page);
    }
    for (const view of ['rejected', 'findings', 'overview', 'live', 'flags', 'traces']) {
      await go(page, `#/${view}`);
      await page.locator(`.view-${view}`).waitFor();
      await page.waitForResponse((response) => response.url().includes('/api/overview'));
      await nothingGrew(page);
    }
    await go(page, '#/overview/senders');
    await shownIn(page, '.t-senders .c-service', HOSTILE[0]);
  });
  await test('text that turns the direction round, or is invisible, is shown as escapes', async () => {
    await go(page, '#/flags?filter=gnirts');
    await shownIn(page, '.t-flags .c-flag', '\\u{202e}');
    assert.ok(!/[\u202a-\u202e\u0000\u001b]/.test(await page.evaluate(() => document.body.textContent)));
  });
}

async function nothingGrew(page) {
  const grown = await page.evaluate(() => ({
    pwned: window.pwned ?? null,
    elements: document.querySelectorAll(
      'main img, main script, main iframe, main object, main style, footer img, #strip img, [onerror], [onclick], a[href^="javascript" i]',
    ).length,
    scripts: document.scripts.length,
  }));
  assert.deepEqual(grown, { pwned: null, elements: 0, scripts: 2 });
}

async function strangers(test, burgee) {
  await test('a request with another name in Host is refused', async () => {
    for (const path of ['/', '/api/overview', '/page/main.js']) {
      const { status, text } = await exchange(`${burgee.admin}${path}`, { headers: { host: 'evil.example' } });
      assert.ok(status >= 400 && status < 500, `${path} was answered with ${status}`);
      assert.ok(!text.includes('listeners'));
    }
    assert.equal(
      (await exchange(`${burgee.admin}/api/overview`, { headers: { host: `localhost:${new URL(burgee.admin).port}` } })).status,
      200,
    );
  });
}

async function away(test, page, burgee) {
  await test('the page says when burgee is gone, and comes back by itself', async () => {
    await go(page, '#/live');
    await burgee.halt();
    await expectText(page, '.connection', /does not answer since \d\d:\d\d:\d\d/);
    await burgee.start();
    await expectText(page, '.connection', /connected/);
    assert.equal(await page.evaluate(() => document.documentElement.classList.contains('is-lost')), false);
  });
}
