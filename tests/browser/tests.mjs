// Runs all tests, one after the other, and says what they measured.

import { mkdir } from 'node:fs/promises';
import { startBrowser } from './browser.mjs';
import { pageTests } from './page_tests.mjs';
import { SCREENSHOTS, screenshotTests } from './screenshots.mjs';
import { stateTests } from './state_tests.mjs';

let passed = 0;
let failed = 0;

/** Runs one test; what it returns is its measurement. One that a busy machine has spoilt is run once more, and says so. */
async function test(name, body) {
  const first = await attempt(body);
  const { error, measured } = first.error ? await attempt(body) : first;
  const again = first.error ? ' (at the second attempt)' : '';
  if (error) {
    failed++;
    console.log(`FAILED ${name}\n      ${String(error.stack ?? error).replaceAll('\n', '\n      ')}`);
  } else {
    passed++;
    console.log(`ok    ${name}${measured ? `: ${measured}` : ''}${again}`);
  }
}

async function attempt(body) {
  let waiting;
  const limit = new Promise((_, reject) => {
    waiting = setTimeout(() => reject(new Error(`not done after ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  });
  try {
    return { measured: await Promise.race([body(), limit]) };
  } catch (error) {
    return { error };
  } finally {
    clearTimeout(waiting);
  }
}

const LIMIT_MS = 180_000;

await mkdir(SCREENSHOTS, { recursive: true });
const browser = await startBrowser();
try {
  await pageTests(test, browser);
  await stateTests(test, browser);
  await screenshotTests(test, browser);
} catch (error) {
  failed++;
  console.log(`FAILED ${error.stack ?? error}`);
} finally {
  await browser.close();
}
console.log(`browser: screenshots are in ${SCREENSHOTS}`);
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed > 0 ? 1 : 0;
