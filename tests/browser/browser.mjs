// Debian's Chromium without a window, driven by playwright-core, which run.sh installed outside of the source tree.

import { createRequire } from 'node:module';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { chromium } = createRequire(join(process.env.BROWSER_MODULES, 'package.json'))('playwright-core');

/** A browser with a profile of its own: `{open, close}`. Each page it opens is watched. */
export async function startBrowser() {
  const profile = await mkdtemp(join(tmpdir(), 'burgee-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? 'chromium',
    headless: true,
    chromiumSandbox: false,
    args: FLAGS,
    viewport: WIDE,
    colorScheme: 'light',
    permissions: ['clipboard-read', 'clipboard-write'],
    env: { ...process.env, HOME: profile, XDG_CACHE_HOME: profile, XDG_CONFIG_HOME: profile },
  });
  return {
    context,
    open: (url) => openPage(context, url),
    close: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A page and what it did that it must not: console errors, reports of its policy, requests to others, dialogs. */
async function openPage(context, url) {
  const page = await context.newPage();
  const own = new URL(url).origin;
  const offences = [];
  page.on(
    'console',
    (message) =>
      ['error', 'warning'].includes(message.type()) && !isStatusNoise(message) && offences.push(`console: ${message.text()}`),
  );
  page.on('pageerror', (error) => offences.push(`error: ${error.stack ?? error}`));
  page.on('dialog', (dialog) => {
    offences.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('request', (request) => new URL(request.url()).origin !== own && offences.push(`request: ${request.url()}`));
  page.on('popup', (popup) => offences.push(`popup: ${popup.url()}`));
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) =>
      window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`),
    );
  });
  await page.goto(url);
  return {
    page,
    offences: async () => [...offences, ...(await page.evaluate(() => window.violations ?? [])).map((text) => `policy: ${text}`)],
  };
}

// Chromium writes a line for each answer of 4xx; the page asks with wrong filters on purpose.
function isStatusNoise(message) {
  return /^Failed to load resource: (the server responded with a status of 4|net::ERR_CONNECTION_REFUSED)/.test(message.text());
}

export const WIDE = { width: 1360, height: 850 };
export const NARROW = { width: 390, height: 844 };
const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
