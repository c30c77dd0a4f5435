// What tests do with a page, and wait for. Everything waits ten times as long as it should take.

/** Goes to an address within the page. */
export async function go(page, hash) {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, hash);
}

/** Takes the focus from whatever has it. */
export async function focusBody(page) {
  await page.evaluate(() => document.activeElement?.blur());
}

/** Waits until the text of the first match is this, or matches this. */
export async function expectText(page, selector, wanted) {
  const [source, flags] = wanted instanceof RegExp ? [wanted.source, wanted.flags] : [null, wanted];
  await page
    .waitForFunction(
      ([selector, source, flags]) => {
        const text = document.querySelector(selector)?.textContent ?? '';
        return source === null ? text === flags : new RegExp(source, flags).test(text);
      },
      [selector, source, flags],
      { timeout: WAIT_MS },
    )
    .catch(async (error) => {
      throw new Error(
        `${selector} says ${JSON.stringify(
          await page
            .locator(selector)
            .first()
            .textContent()
            .catch(() => null),
        )}, not ${wanted}\n${error}`,
      );
    });
}

/** Waits until one of the matches has this text in it. */
export async function shownIn(page, selector, wanted) {
  await page
    .waitForFunction(
      ([selector, wanted]) => [...document.querySelectorAll(selector)].some((element) => element.textContent.includes(wanted)),
      [selector, wanted],
      { timeout: WAIT_MS },
    )
    .catch((error) => {
      throw new Error(`${selector} does not show ${JSON.stringify(wanted)}\n${error}`);
    });
}

/** Presses a key, again if need be, until a text matches: a view that is just being shown does not listen yet. */
export async function pressUntil(page, key, selector, wanted) {
  for (let tries = 0; tries < 30; tries++) {
    await page.keyboard.press(key);
    for (let looks = 0; looks < 20; looks++) {
      if (wanted.test((await page.locator(selector).first().textContent()) ?? '')) return;
      await page.waitForTimeout(100);
    }
  }
  throw new Error(`${key} does not lead to ${wanted} in ${selector}`);
}

/** Waits until a table has a row. */
export async function filled(page, table) {
  await page.locator(`${table} .tbody > .tr`).first().waitFor({ timeout: WAIT_MS });
}

/** How many rows a table has. */
export function rowsOf(page, table) {
  return page.locator(`${table} .tbody > .tr`).count();
}

const WAIT_MS = 60_000;
