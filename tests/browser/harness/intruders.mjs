/** Whether a text of somebody else became more than text. */

import assert from "node:assert/strict";

/** Elements and attributes that no page of ours has, and a hostile text would make. */
const INTRUDERS =
  "body img, script:not([src]), object, embed, form[action], video, audio, body style, body link, base, marquee," +
  "math, [onerror], [onload], [onclick], [onfocus], [onmouseover], [ontoggle], [srcdoc]," +
  "[href^='javascript:' i], [src^='javascript:' i], iframe:not([sandbox=''])";

/**
 * Checks that no text became an element or an attribute.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} where
 */
export async function assertNoIntruder(page, where) {
  const found = await page.locator(INTRUDERS).evaluateAll(all => all.map(element => element.tagName));
  assert.deepEqual(found, [], where);
}
