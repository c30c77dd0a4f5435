// Pictures of every view, to be looked at, in dark and light, wide and narrow; none may be wider than its window.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NARROW, WIDE } from './browser.mjs';
import { startMock } from './mock.mjs';
import { BIG_TRACE_ID, ODD_TRACE_ID } from './telemetry.mjs';

export const SCREENSHOTS = fileURLToPath(new URL('screenshots', import.meta.url));

export async function screenshotTests(test, browser) {
  const mock = await startMock();
  try {
    const { page, offences } = await browser.open(`${mock.url}/`);
    for (const [name, scenario, hash, ready, keys = []] of VIEWS) {
      await test(`${name} fits wide and narrow windows, dark and light`, async () => {
        mock.life.scenario = scenario;
        await page.goto('about:blank');
        await page.goto(`${mock.url}/${hash}`);
        await page.locator(ready).first().waitFor();
        for (const key of keys) await page.keyboard.press(key);
        for (const [size, viewport] of [
          ['wide', WIDE],
          ['narrow', NARROW],
        ]) {
          for (const colorScheme of ['light', 'dark']) {
            await page.setViewportSize(viewport);
            await page.emulateMedia({ colorScheme });
            await page.screenshot({ path: join(SCREENSHOTS, `${name}-${size}-${colorScheme}.png`) });
            const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
            assert.ok(wider <= 0, `${wider} pixels wider than the ${size} window`);
          }
        }
        await page.setViewportSize(WIDE);
      });
    }
    await test('no picture was against the policy', async () => assert.deepEqual(await offences(), []));
    await page.close();
  } finally {
    await mock.close();
  }
}

const VIEWS = [
  ['waiting', 'waiting', '#/live', '.welcome pre'],
  ['live', 'healthy', '#/live', '.t-live .tbody > .tr'],
  ['flags', 'healthy', '#/flags', '.t-flags .tbody > .tr'],
  ['flag', 'healthy', '#/flags/new-checkout', '.t-traces .tbody > .tr'],
  ['traces', 'healthy', '#/traces', '.t-traces .tbody > .tr'],
  ['trace', 'healthy', `#/trace/${BIG_TRACE_ID}`, '.wf-row', [']', ']']],
  ['odd-trace', 'healthy', `#/trace/${ODD_TRACE_ID}?span=0000000000000009`, '.span-panel dt'],
  ['findings', 'trouble', '#/findings', '.card'],
  ['rejected', 'trouble', '#/rejected', '.t-rejected .tbody > .tr'],
  ['overview', 'trouble', '#/overview', '.t-senders .tbody > .tr'],
  ['help', 'healthy', '#/live', '.t-live .tbody > .tr', ['?']],
];
