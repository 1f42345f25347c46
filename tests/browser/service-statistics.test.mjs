/** The page of the statistics: the same figures as the API's, for every span of time, of all mail and of a tenant's. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { everyOutcome, orders, serviceWithAccounts } from "./harness/outcomes.mjs";
import { Service } from "./harness/service.mjs";
import { PLACES, visit } from "./harness/traffic.mjs";
import { until } from "./harness/wait.mjs";

/** @typedef {import("playwright-core").Page} Page */

const ORDERS = 30;
/** The columns of a row after its span's name. */
const KINDS = [
  "accepted",
  "delivered",
  "bounced",
  "expired",
  "dropped",
  "cancelled",
  "deferred",
  "rate_limited",
  "returned",
];
/** The spans that can be chosen, with what the API calls them, and how many rows each has. */
const SPANS = /** @type {const} */ ([
  ["hours", "hour", 24],
  ["week", "day", 7],
  ["days", "day", 30],
  ["months", "month", 12],
]);

test("every span shows what the API tells, to the message, and a row where nothing happened", async t => {
  const service = await serviceWithAccounts(t);
  await service.send(orders(0, ORDERS));
  const { delivered } = await everyOutcome(service, ORDERS);
  await untilDelivered(service, delivered);
  const seen = await visit(t, service, { first: PLACES.statistics });
  const { page } = seen;
  for (const [span, by, count] of SPANS) {
    await page.getByTestId(`span-${span}`).click();
    await until(`${count} rows`, async () => (await page.getByTestId("statistics-row").count()) === count);
    const { total, rows } = await service.ask(`statistics?by=${by}`);
    assert.deepEqual(await figures(page, "statistics-row-total"), figuresOf(total), span);
    assert.deepEqual(await figures(page, "statistics-row"), figuresOf(rows.at(-1)), `the newest of ${span}`);
    assert.equal(await sum(page, "accepted"), total.accepted);
    assert.equal(await sum(page, "delivered"), delivered);
    assert.equal(await sum(page, "failed"), total.bounced + total.expired + total.dropped);
    assert.match(page.url(), span === "week" ? /#\/statistics/ : new RegExp(`span=${span}`));
  }
  assert.equal(await service.sink.count(), delivered);
  const words = await page.getByTestId("counted-until").innerText();
  assert.match(words, /^Counted until \d\d:\d\d:\d\d\. .*UTC\.$/);
  seen.assertClean();
});

test("a tenant's and an account's are shown by themselves, and the address leads back to them", async t => {
  const service = await serviceWithAccounts(t);
  const { delivered } = await everyOutcome(service, 0);
  await untilDelivered(service, delivered);
  const seen = await visit(t, service, { first: PLACES.statistics });
  const { page } = seen;
  const accepted = async (/** @type {string} */ query) => {
    const { total } = await service.ask(`statistics?${query}`);
    await until(`the figures of ${query}`, async () => (await sum(page, "accepted")) === total.accepted);
    return total.accepted;
  };
  const all = await accepted("");
  await page.getByTestId("filter-tenant").fill("press");
  await page.keyboard.press("Enter");
  const ofTenant = await accepted("tenant_id=press");
  await page.getByTestId("filter-account").fill("strict");
  await page.keyboard.press("Enter");
  const ofAccount = await accepted("tenant_id=press&account_id=strict");
  assert.ok(0 < ofAccount && ofAccount < ofTenant && ofTenant < all, `${ofAccount}, ${ofTenant}, ${all}`);
  await page.reload();
  await accepted("tenant_id=press&account_id=strict");
  await page.getByRole("link", { name: "Clear" }).click();
  await accepted("");
  await page.getByTestId("filter-tenant").fill("nobody");
  await page.keyboard.press("Enter");
  await page.getByTestId("nothing").waitFor();
  await page.getByTestId("filter-tenant").fill("no tenant's id");
  await page.keyboard.press("Enter");
  await page.locator(".problem").waitFor();
  assert.equal(await page.getByTestId("nothing").count(), 0, "what was asked for before is shown");
  // A refusal is an error in the browser's console.
  seen.assertHome();
});

test("what comes in is counted while somebody looks, and can be saved", async t => {
  const service = await Service.start(t);
  await service.tenant("shop", "The Shop");
  await service.account("shop", "orders");
  const seen = await visit(t, service, { first: { hash: "#/statistics", mark: "nothing" } });
  const { page } = seen;
  assert.match(await page.getByTestId("nothing").innerText(), /No mail in the last 7 days/);
  await service.send([{ id: "one", tenant_id: "shop", account_id: "orders", to: ["one@reed.example"] }]);
  await page.getByTestId("sum-delivered").waitFor();
  await until("the delivery", async () => (await sum(page, "delivered")) === 1);
  const saving = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save Outcomes as CSV" }).click();
  const text = await readFile(await (await saving).path(), "utf8");
  const lines = text.trim().split("\r\n");
  assert.equal(lines[0], "time,epoch_s,Delivered,Cancelled,Failed");
  assert.equal(lines.length, 8);
  assert.match(lines[7] ?? "", /T00:00:00\.000Z,\d+,1,0,0$/);
  await page.getByRole("button", { name: "Show Outcomes as a table" }).click();
  const newest = page.getByTestId("chart-outcomes").locator("tbody tr").first();
  assert.match(await newest.innerText(), /^\d{4}-\d\d-\d\d\s+1\s+0\s+0$/);
  seen.assertClean();
});

/**
 * Waits until so many deliveries were counted.
 *
 * @param {Service} service
 * @param {number} delivered
 */
async function untilDelivered(service, delivered) {
  await until(`${delivered} deliveries`, async () => {
    const { total } = await service.ask("statistics");
    return total.delivered === delivered;
  });
}

/**
 * A sum at the top of the page.
 *
 * @param {Page} page
 * @param {string} name
 */
async function sum(page, name) {
  return Number(await page.getByTestId(`sum-${name}`).getAttribute("data-value"));
}

/**
 * The figures of the first row of a kind.
 *
 * @param {Page} page
 * @param {string} row
 */
async function figures(page, row) {
  const cells = await page.getByTestId(row).first().locator("td.end").allInnerTexts();
  return cells.map(text => Number(text.replaceAll(",", "")));
}

/** @param {Record<string, number>} told */
function figuresOf(told) {
  return KINDS.map(kind => told[kind]);
}
