/** What a person finds and does on the service's pages: the one place that knows how their parts are called. */

import { until } from "./wait.mjs";
import { Visit } from "./visit.mjs";

/** @typedef {import("playwright-core").Page} Page */

/**
 * The figures that the page shows at one moment.
 *
 * @typedef {Record<"accepted" | "sent" | "failed" | "pending" | "cancelled" | "deferred" | "limited", number>} Books
 */

/** The places that need no submission, by their names. */
export const PLACES = {
  traffic: { hash: "#/", mark: "account-row" },
  messages: { hash: "#/messages", mark: "submission-row" },
  statistics: { hash: "#/statistics", mark: "statistics-row" },
  nodes: { hash: "#/nodes", mark: "node-row" },
};

/**
 * Opens the service's page as its operator does.
 *
 * @param {import("node:test").TestContext} test
 * @param {import("./service.mjs").Service} service
 * @param {import("./visit.mjs").Look & { url?: string }} [look] with another address, where it is not asked directly
 */
export async function visit(test, service, { url = service.url, ...look } = {}) {
  return Visit.start(test, url, { token: service.token, first: PLACES.traffic, ...look });
}

/**
 * The place of one submission, by its client's id.
 *
 * @param {import("./service.mjs").Service} service
 * @param {string} id
 */
export async function placeOf(service, id) {
  return { hash: `#/messages/${await service.pk(id)}`, mark: "timeline-step" };
}

// === figures ===

/**
 * The figures, read in one go, so that they are of one moment.
 *
 * @param {Page} page
 * @returns {Promise<Books>}
 */
export async function books(page) {
  return page.evaluate(() => {
    const number = (/** @type {string} */ name) =>
      Number(document.querySelector(`[data-testid="stat-${name}"]`)?.getAttribute("data-value") ?? 0);
    return {
      accepted: number("accepted"),
      sent: number("sent"),
      failed: number("failed"),
      pending: number("pending"),
      cancelled: number("cancelled"),
      deferred: number("deferred"),
      limited: number("limited"),
    };
  });
}

/**
 * Waits until the page shows figures for which the condition holds, and gives them. At every look they must balance.
 *
 * @param {Page} page
 * @param {string} what
 * @param {(shown: Books) => boolean} condition
 */
export async function untilBooks(page, what, condition) {
  return until(`books: ${what}`, async () => {
    const shown = await books(page);
    const { accepted, sent, failed, pending, cancelled } = shown;
    if (accepted !== sent + failed + pending + cancelled) {
      throw new Error(`the books do not balance: ${JSON.stringify(shown)}`);
    }
    return condition(shown) && shown;
  });
}

/**
 * The words of an account's or tenant's row, as soon as there are such.
 *
 * @param {Page} page
 * @param {"account" | "tenant"} kind
 * @param {string} name
 * @param {RegExp} words
 * @returns {Promise<string>}
 */
export async function rowSaying(page, kind, name, words) {
  const link = page.getByRole("link", { name, exact: true });
  const row = page.getByTestId(`${kind}-row`).filter({ has: link }).filter({ hasText: words });
  return row.innerText();
}

// === messages ===

/**
 * The rows of messages that are shown.
 *
 * @param {Page} page
 * @returns {Promise<{ id: string, status: string, words: string }[]>}
 */
export async function rows(page) {
  return page.getByTestId("submission-row").evaluateAll(all =>
    all.map(row => ({
      id: row.querySelector("a")?.textContent ?? "",
      status: row.querySelector("[data-status]")?.getAttribute("data-status") ?? "",
      words: row.querySelector("td.words")?.textContent ?? "",
    })),
  );
}

/**
 * Waits until messages are shown for which the condition holds, and gives them.
 *
 * @param {Page} page
 * @param {string} what
 * @param {(shown: { id: string, status: string, words: string }[]) => boolean} condition
 */
export async function untilRows(page, what, condition) {
  return until(`messages: ${what}`, async () => {
    const shown = await rows(page);
    return condition(shown) && shown;
  });
}

/**
 * The ids of all messages from the newest to the oldest, a page after the other.
 *
 * @param {Page} page
 */
export async function idsOfAllPages(page) {
  let shown = await untilRows(page, "a page", found => found.length > 0);
  const ids = shown.map(({ id }) => id);
  const older = page.getByTestId("page-older");
  while ((await older.getAttribute("aria-disabled")) !== "true") {
    const newest = shown[0]?.id;
    await older.click();
    shown = await untilRows(page, "an older page", found => found.length > 0 && found[0]?.id !== newest);
    ids.push(...shown.map(({ id }) => id));
  }
  return ids;
}

/**
 * Opens a message from a list that shows it.
 *
 * @param {Page} page
 * @param {string} id
 */
export async function openMessage(page, id) {
  await page.getByTestId("submission-row").getByRole("link", { name: id, exact: true }).click();
  await page.getByRole("heading", { name: id, exact: true }).waitFor();
}

/**
 * What happened, in order, each with the text it shows.
 *
 * @param {Page} page
 * @returns {Promise<{ kind: string, text: string }[]>}
 */
export async function steps(page) {
  await page.getByTestId("timeline-step").first().waitFor();
  return page.getByTestId("timeline-step").evaluateAll(all =>
    all.map(step => ({
      kind: step.getAttribute("data-kind") ?? "",
      text: /** @type {HTMLElement} */ (step).innerText,
    })),
  );
}
