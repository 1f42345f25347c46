/** What a person finds and does on the dashboard: the one place that knows how its parts are called. */

import { until } from "./wait.mjs";

/** @typedef {import("playwright-core").Page} Page */

/**
 * The figures that the page shows at one moment.
 *
 * @typedef {object} Figures
 * @property {string} stage
 * @property {number} total
 * @property {number} pending
 * @property {number} sending
 * @property {number} sent
 * @property {number} failed
 * @property {number} retry
 * @property {number} cancelled beside the total
 */

/** @typedef {"pause" | "resume" | "cancel" | "retry_failed"} Action */

/** The stages at which a run is over. */
const ENDED = ["completed", "interrupted", "unreachable", "cancelled", "failed"];
/** Steps with the tabulator key after which a place counts as out of reach. */
const TABS_MAX = 150;

/**
 * A place of the dashboard: its address from the `#` on, and the part that is there once it is whole, by its test id or
 * where it has none by a selector.
 *
 * @typedef {{ hash: string, mark: string } | { hash: string, selector: string }} Place
 */

/** The places that need no recipient, by their names. */
export const PLACES = {
  overview: { hash: "#/", mark: "stat-total" },
  recipients: { hash: "#/recipients", mark: "recipient-row" },
  domains: { hash: "#/domains", mark: "domain-row" },
  activity: { hash: "#/activity", mark: "log-line" },
  campaigns: { hash: "#/campaigns", mark: "campaign-row" },
};

/**
 * Every place, one recipient's among them.
 *
 * @param {import("./campaign.mjs").Campaign} campaign
 * @param {string} email
 * @returns {Promise<[name: string, place: Place][]>}
 */
export async function everyPlace(campaign, email) {
  const { job_id: job } = await campaign.status();
  const answer = await campaign.get(`api/campaigns/${job}/messages?search=${encodeURIComponent(email)}`);
  const { messages } = /** @type {{ messages: { id: string }[] }} */ (await answer.json());
  const recipient = { hash: `#/recipients/${messages[0]?.id}`, mark: "html" };
  return Object.entries({ ...PLACES, recipient });
}

// === figures ===

/**
 * The figures, read in one go, so that they are of one moment.
 *
 * @param {Page} page
 * @returns {Promise<Figures>}
 */
export async function figures(page) {
  await page.getByTestId("stat-total").waitFor();
  return page.evaluate(() => {
    const value = (/** @type {string} */ name) =>
      document.querySelector(`[data-testid="${name}"]`)?.getAttribute("data-value") ?? "";
    const number = (/** @type {string} */ status) => Number(value(`stat-${status}`));
    return {
      stage: value("stage"),
      total: number("total"),
      pending: number("pending"),
      sending: number("sending"),
      sent: number("sent"),
      failed: number("failed"),
      retry: number("retry"),
      cancelled: number("cancelled"),
    };
  });
}

/**
 * The statuses added up: what must be the total.
 *
 * @param {Figures} shown
 */
export function sum({ pending, sending, sent, failed, retry }) {
  return pending + sending + sent + failed + retry;
}

/**
 * Waits until the page shows figures for which the condition holds, and gives them.
 *
 * @param {Page} page
 * @param {string} what
 * @param {(shown: Figures) => boolean} condition
 * @param {number} [patienceS] seconds
 */
export async function untilFigures(page, what, condition, patienceS) {
  const read = async () => {
    const shown = await figures(page);
    return condition(shown) && shown;
  };
  return until(`figures: ${what}`, read, patienceS);
}

/**
 * Waits until the page shows that the run is over, and gives its last figures.
 *
 * @param {Page} page
 */
export async function untilOver(page) {
  return untilFigures(page, "the end", ({ stage }) => ENDED.includes(stage), 30);
}

/**
 * Waits until the page says so of its connection.
 *
 * @param {Page} page
 * @param {"live" | "reconnecting" | "closed"} state
 */
export async function untilConnection(page, state) {
  await page.locator(`[data-testid="connection"][data-value="${state}"]`).waitFor();
}

// === controls ===

/**
 * Asks for an intervention and leaves the question open.
 *
 * @param {Page} page
 * @param {Action} action
 */
export async function askFor(page, action) {
  await page.getByTestId(`control-${action}`).click();
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  return dialog;
}

/**
 * Asks for an intervention and confirms it.
 *
 * @param {Page} page
 * @param {Action} action
 */
export async function act(page, action) {
  const dialog = await askFor(page, action);
  await dialog.getByTestId("confirm").click();
  await dialog.waitFor({ state: "hidden" });
}

// === recipients ===

/**
 * The rows of recipients that are shown.
 *
 * @param {Page} page
 * @returns {Promise<{ email: string, status: string }[]>}
 */
export async function rows(page) {
  return page.getByTestId("recipient-row").evaluateAll(all =>
    all.map(row => ({
      email: row.querySelector("a")?.textContent ?? "",
      status: row.querySelector("[data-status]")?.getAttribute("data-status") ?? "",
    })),
  );
}

/**
 * Waits until rows are shown for which the condition holds, and gives them.
 *
 * @param {Page} page
 * @param {string} what
 * @param {(shown: { email: string, status: string }[]) => boolean} condition
 */
export async function untilRows(page, what, condition) {
  return until(`rows: ${what}`, async () => {
    const shown = await rows(page);
    return condition(shown) && shown;
  });
}

/**
 * Types into the page's search field.
 *
 * @param {Page} page
 * @param {string} text
 */
export async function search(page, text) {
  await page.getByTestId("search").fill(text);
}

/**
 * Opens a recipient's page from a list that shows it.
 *
 * @param {Page} page
 * @param {string} email
 */
export async function openRecipient(page, email) {
  await page.getByTestId("recipient-row").getByRole("link", { name: email, exact: true }).click();
  await page.getByRole("heading", { name: email }).waitFor();
}

/**
 * Shows only the recipients of one status.
 *
 * @param {Page} page
 * @param {"pending" | "sending" | "sent" | "failed" | "retry"} status
 */
export async function chooseStatus(page, status) {
  await page.getByTestId("filter-status").selectOption(status);
}

/**
 * Turns to another page of recipients and waits for it.
 *
 * @param {Page} page
 * @param {"next" | "previous"} way
 * @returns {Promise<boolean>} false where no page is that way
 */
export async function turnPage(page, way) {
  const button = page.getByTestId(`page-${way}`);
  if ((await button.getAttribute("aria-disabled")) === "true") {
    return false;
  }
  const [first] = await rows(page);
  await button.click();
  await untilRows(page, `the ${way} page`, shown => shown.length > 0 && shown[0]?.email !== first?.email);
  return true;
}

// === one recipient ===

/**
 * The attempts of the timeline, each as the text it shows.
 *
 * @param {Page} page
 * @returns {Promise<string[]>}
 */
export async function attempts(page) {
  await page.getByTestId("timeline-step").first().waitFor();
  return page.getByTestId("timeline-step").filter({ hasText: "attempt" }).allInnerTexts();
}

/**
 * The frame of the rendered message.
 *
 * @param {Page} page
 */
export function preview(page) {
  const element = page.getByTestId("html");
  return { element, frame: element.contentFrame() };
}

// === activity ===

/**
 * Every line of the activity page, the newest first.
 *
 * @param {Page} page
 * @returns {Promise<string[]>}
 */
export async function logLines(page) {
  const lines = page.getByTestId("log-line");
  const older = page.getByRole("button", { name: "Show older lines" });
  await lines.first().waitFor();
  while (await older.isVisible()) {
    await older.click();
  }
  return lines.allTextContents();
}

// === charts ===

/** The charts of the overview. */
export const CHARTS = ["rate", "outcomes", "concurrency", "errors"];

/**
 * The box in which a chart is drawn.
 *
 * @param {Page} page
 * @param {string} chart
 */
export function drawing(page, chart) {
  return page.getByTestId(`chart-${chart}`).getByRole("img");
}

/**
 * What a chart looks like, as a text.
 *
 * @param {Page} page
 * @param {string} chart
 * @returns {Promise<string>}
 */
export async function picture(page, chart) {
  const canvas = drawing(page, chart).locator("canvas");
  return canvas.evaluate(element => /** @type {HTMLCanvasElement} */ (element).toDataURL());
}

/**
 * Chooses the time that the charts show.
 *
 * @param {Page} page
 * @param {"1 min" | "10 min" | "1 h" | "All"} range
 */
export async function chooseRange(page, range) {
  const ranges = page.getByRole("group", { name: "Range of time" });
  await ranges.getByRole("button", { name: range, exact: true }).click();
}

/**
 * Saves a chart as the browser does.
 *
 * @param {Page} page
 * @param {string} chart
 * @param {"CSV" | "PNG"} kind
 * @returns {Promise<string>} where the file is
 */
export async function saveChart(page, chart, kind) {
  const button = page.getByTestId(`chart-${chart}`).getByRole("button", { name: `as ${kind}` });
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  return download.path();
}

// === keyboard ===

/**
 * Goes on with the tabulator key until the focus is where it should be.
 *
 * @param {Page} page
 * @param {string} selector
 */
export async function tabTo(page, selector) {
  for (let step = 0; step < TABS_MAX; step += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(wanted => document.activeElement?.matches(wanted), selector)) {
      return;
    }
  }
  throw new Error(`${TABS_MAX} steps with the keyboard do not lead to ${selector}`);
}
