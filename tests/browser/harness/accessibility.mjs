/** What axe-core finds on a page. */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { untilDrawn } from "./visit.mjs";

/** A phone of today's smallest kind. */
export const PHONE_PX = 360;
const HEIGHT_PX = 800;

/** In how many ways each page is looked at. */
const LOOKS = /** @type {const} */ ([
  { colorScheme: "light", width: 1280 },
  { colorScheme: "dark", width: 1280 },
  { colorScheme: "dark", width: PHONE_PX },
  { colorScheme: "light", width: PHONE_PX },
]);

/** What a person with an assistive technology cannot get past, or hardly. */
const GRAVE = ["serious", "critical"];

/** The source of axe-core, for a visit that is going to be checked. */
export const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/**
 * The grave findings on the page, each with its first element, in one line.
 *
 * @param {import("playwright-core").Page} page of a visit with [`AXE`] as its script
 * @returns {Promise<string[]>}
 */
export async function graveFindings(page) {
  const { violations } = await page.evaluate(async () => {
    const { axe } = /** @type {typeof globalThis & { axe: typeof import("axe-core") }} */ (globalThis);
    // Frames hold letters, which are not ours to judge.
    return axe.run(document, { iframes: false, resultTypes: ["violations"] });
  });
  const grave = violations.filter(({ impact }) => GRAVE.includes(String(impact)));
  return grave.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}: ${nodes
        .map(node => node.html)
        .join(" … ")
        .slice(0, 400)}`,
  );
}

/**
 * The grave findings on the page in light and dark, on a screen and on a phone; that it is wider than that is one too.
 *
 * @param {import("playwright-core").Page} page of a visit with [`AXE`] as its script
 * @returns {Promise<string[]>}
 */
export async function graveFindingsInEveryLook(page) {
  const all = [];
  for (const { colorScheme, width } of LOOKS) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: HEIGHT_PX });
    await untilDrawn(page);
    const found = await graveFindings(page);
    const shown = await page.evaluate(() => document.documentElement.scrollWidth);
    if (shown > width) {
      found.push(`it is ${shown} px wide`);
    }
    all.push(...found.map(finding => `${colorScheme} at ${width} px: ${finding}`));
  }
  return all;
}
