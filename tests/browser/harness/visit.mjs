/** One person's visit to the dashboard: a fresh profile of a real browser, which records whatever leaves it. */

import assert from "node:assert/strict";
import { after } from "node:test";

import { chromium } from "playwright-core";

import { PLACES } from "./dashboard.mjs";
import { PATIENCE_S } from "./wait.mjs";

/** The browser of Debian; `run.sh` says when it is missing. */
const CHROMIUM = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** One for the tests of a file; each visit has a profile of its own in it. */
const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
after(() => browser.close());

/** How the browser calls a request that the page's content security policy held back: it never left. */
const HELD_BACK = "csp";

/** What a browser makes of bytes it already has. */
const LOCAL_SCHEMES = new Set(["data:", "blob:", "about:"]);

/**
 * How a person looks at the dashboard.
 *
 * @typedef {object} Look
 * @property {"light" | "dark"} [scheme]
 * @property {number} [width] pixels
 * @property {number} [height] pixels
 * @property {string} [script] runs before the page's own in every document
 * @property {string} [token] what the page opens with; by default it asks for none
 * @property {import("./dashboard.mjs").Place} [first] where the visit begins; the overview by default
 */

export class Visit {
  /** @type {Set<import("playwright-core").Request>} what was asked; not what the page's policy held back */
  #requests = new Set();
  /** @type {string[]} scripts of others that ran, dialogs, windows */
  #intrusions = [];
  /** @type {string[]} what the page complained of */
  #errors = [];

  /**
   * @param {import("playwright-core").BrowserContext} context
   * @param {import("playwright-core").Page} page
   * @param {string} url
   */
  constructor(context, page, url) {
    this.context = context;
    this.page = page;
    this.url = url;
  }

  /**
   * Opens a dashboard; the visit ends with the test.
   *
   * @param {import("node:test").TestContext} test
   * @param {string} url the dashboard's, with a slash at its end
   * @param {Look} [look]
   */
  static async start(test, url, look = {}) {
    const { scheme = "light", width = 1280, height = 800, script, token, first = PLACES.overview } = look;
    const context = await browser.newContext({
      colorScheme: scheme,
      viewport: { width, height },
      reducedMotion: "reduce",
    });
    test.after(() => context.close());
    context.setDefaultTimeout(PATIENCE_S * 1000);
    const page = await context.newPage();
    const visit = new Visit(context, page, url);
    await visit.#watch();
    if (script !== undefined) {
      await context.addInitScript({ content: script });
    }
    await visit.go(first, token === undefined ? "" : `?token=${encodeURIComponent(token)}`);
    return visit;
  }

  /**
   * Goes to a place of the dashboard as somebody does who has only its address, and waits until it is drawn.
   *
   * @param {import("./dashboard.mjs").Place} place
   * @param {string} [query] goes with the address
   */
  async go(place, query = "") {
    const part = "mark" in place ? this.page.getByTestId(place.mark) : this.page.locator(place.selector);
    // Only the part after the `#` may differ, which alone is no reason to load a page.
    await this.page.goto("about:blank");
    await this.page.goto(this.url + query + place.hash);
    await part.first().waitFor();
    for (const frame of this.page.frames()) {
      await frame.waitForLoadState();
    }
    await untilDrawn(this.page);
  }

  /** Checks that nothing was asked of another host, that no script of others ran, and that nothing went wrong. */
  assertClean() {
    this.assertHome();
    assert.deepEqual(this.#errors, [], "errors in the page");
  }

  /** Checks that nothing was asked of another host and that no script of others ran. */
  assertHome() {
    const own = new URL(this.url).origin;
    const foreign = [...this.#requests].filter(request => {
      const { protocol, origin } = new URL(request.url());
      return !LOCAL_SCHEMES.has(protocol) && origin !== own;
    });
    assert.deepEqual(
      foreign.map(request => request.url()),
      [],
      "requests to other hosts",
    );
    assert.deepEqual(this.#intrusions, [], "intrusions");
  }

  async #watch() {
    const { context } = this;
    // What a script that got in would call, in any frame.
    await context.exposeFunction("__xss", (/** @type {unknown} */ from) => {
      this.#intrusions.push(`a script ran: ${String(from)}`);
    });
    context.on("request", request => this.#requests.add(request));
    context.on("requestfailed", request => {
      if (request.failure()?.errorText === HELD_BACK) {
        this.#requests.delete(request);
      }
    });
    context.on("page", page => this.#intrusions.push(`a window opened: ${page.url()}`));
    context.on("dialog", dialog => {
      this.#intrusions.push(`a dialog opened: ${dialog.message()}`);
      void dialog.dismiss();
    });
    context.on("weberror", error => this.#errors.push(String(error.error())));
    context.on("console", message => {
      if (message.type() === "error") {
        this.#errors.push(message.text());
      }
    });
  }
}

/**
 * Waits until the page is drawn as it is now.
 *
 * @param {import("playwright-core").Page} page
 */
export async function untilDrawn(page) {
  await page.evaluate(async () => {
    await document.fonts.ready;
    for (let drawn = 0; drawn < 2; drawn += 1) {
      await new Promise(requestAnimationFrame);
    }
  });
}
