/** What axe-core finds on a page. */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

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
