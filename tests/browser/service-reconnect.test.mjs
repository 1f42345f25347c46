/** A dropped connection and a service that is started anew: the open page goes on by itself, and nothing is missing. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { chooseRange, saveChart, untilConnection } from "./harness/dashboard.mjs";
import { orders, serviceWithAccounts } from "./harness/outcomes.mjs";
import { Proxy } from "./harness/proxy.mjs";
import { PLACES, books, untilBooks, untilRows, visit } from "./harness/traffic.mjs";
import { PATIENCE_S, until } from "./harness/wait.mjs";

/** A browser lets a page save about ten files in a row, then it waits for a person's consent. */
const DOWNLOAD_EVERY_MS = 2000;
const PORTION = 20;
/** After five seconds the service cuts off whoever is left: a page has to leave before. */
const END_MAX_MS = 4500;

test("a dropped connection resumes, with what happened in between", async t => {
  const service = await serviceWithAccounts(t);
  const proxy = await Proxy.start(t, service.url);
  const seen = await visit(t, service, { url: proxy.url });
  for (const portion of [0, 1]) {
    await service.send(orders(2 * portion * PORTION, PORTION));
    await untilBooks(seen.page, "a portion", shown => shown.sent === (2 * portion + 1) * PORTION);
    proxy.cut();
    await untilConnection(seen.page, "reconnecting");
    await service.send(orders((2 * portion + 1) * PORTION, PORTION));
    await service.untilTraffic("sent", ({ totals }) => totals.sent === (2 * portion + 2) * PORTION);
    proxy.mend();
    await untilConnection(seen.page, "live");
    await untilBooks(seen.page, "both portions", shown => shown.sent === (2 * portion + 2) * PORTION);
  }
  await untilChart(seen.page, 4 * PORTION);
  seen.assertHome();
});

test("a service that is started anew is followed by the page that stayed open", async t => {
  const service = await serviceWithAccounts(t);
  const seen = await visit(t, service);
  const { page } = seen;
  await service.send(orders(0, PORTION));
  const before = await untilBooks(page, "the first portion", shown => shown.sent === PORTION);
  await untilChart(page, PORTION);
  const started = page.locator(".fact", { hasText: "Started" });
  const startedBefore = await started.innerText();
  const asked = performance.now();
  await service.stop();
  assert.ok(performance.now() - asked < END_MAX_MS, "an open page keeps the service from ending");
  await untilConnection(page, "reconnecting");
  assert.deepEqual(await books(page), before, "what was known is not shown any more");

  await service.run();
  await untilConnection(page, "live");
  await service.send(orders(PORTION, PORTION));
  await untilBooks(page, "both portions", shown => shown.sent === 2 * PORTION);
  await until("when it was started anew", async () => (await started.innerText()) !== startedBefore);
  await untilChart(page, 2 * PORTION);
  await page.evaluate(place => (location.hash = place), PLACES.messages.hash);
  await untilRows(page, "both portions", all => all.length === 2 * PORTION);
  seen.assertHome();
});

/**
 * Waits until the chart's points of messages sent add up to so many.
 *
 * @param {import("playwright-core").Page} page
 * @param {number} sent
 */
async function untilChart(page, sent) {
  await chooseRange(page, "All");
  const isWhole = async () => (await sentOfCsv(page)) === sent;
  await until(`a chart of ${sent} messages`, isWhole, PATIENCE_S, DOWNLOAD_EVERY_MS);
}

/**
 * The messages sent by the CSV of the delivery rate: its rows are seconds, with thousandths of messages where the service
 * looked less often than that.
 *
 * @param {import("playwright-core").Page} page
 */
async function sentOfCsv(page) {
  const text = await readFile(await saveChart(page, "rate", "CSV"), "utf8");
  const [header = "", ...lines] = text.trim().split("\r\n");
  const column = header.split(",").indexOf("Sent");
  return Math.round(lines.reduce((total, line) => total + Number(line.split(",")[column]), 0));
}
