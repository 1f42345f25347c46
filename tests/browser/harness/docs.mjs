/** What a person finds and does on the API's page. */

import { until } from "./wait.mjs";
import { Visit } from "./visit.mjs";

/** @typedef {import("playwright-core").Page} Page */

/** Where all operations are listed. */
const PLACE = { hash: "", selector: "main details" };

/**
 * Opens the API's page, which asks for no token.
 *
 * @param {import("node:test").TestContext} test
 * @param {import("./service.mjs").Service} service
 * @param {import("./visit.mjs").Look} [look]
 */
export async function visitDocs(test, service, look = {}) {
  return Visit.start(test, `${service.url}docs`, { first: PLACE, ...look });
}

/**
 * The operations that are shown, each as its method and path.
 *
 * @param {Page} page
 */
export async function operations(page) {
  const summaries = page.locator("details:not([hidden]) > summary");
  return summaries.evaluateAll(all =>
    all.map(summary => {
      const [method, path] = summary.children;
      return `${method?.textContent} ${path?.textContent}`;
    }),
  );
}

/**
 * One operation, opened.
 *
 * @param {Page} page
 * @param {string} name its method and path
 */
export async function openOperation(page, name) {
  const [method = "", path = ""] = name.split(" ");
  const summary = page
    .locator("summary")
    .filter({ has: page.getByText(method, { exact: true }) })
    .filter({ has: page.getByText(path, { exact: true }) });
  const operation = page.locator("details").filter({ has: summary });
  if ((await operation.getAttribute("open")) === null) {
    await summary.click();
  }
  return operation;
}

/**
 * Tries an operation out, and gives the answer that is shown.
 *
 * @param {Page} page
 * @param {string} name its method and path
 * @param {Record<string, string>} fields what to fill in, by the names of the fields
 * @returns {Promise<string>}
 */
export async function tryOut(page, name, fields) {
  const operation = await openOperation(page, name);
  for (const [field, value] of Object.entries(fields)) {
    await operation.locator(`[name="${field}"]`).fill(value);
  }
  const button = operation.getByRole("button", { name: /^Send / });
  await button.click();
  const answer = operation.getByRole("status");
  return until(`the answer to ${name}`, async () => {
    const isDone = await button.isEnabled();
    return isDone && (await answer.innerText());
  });
}
