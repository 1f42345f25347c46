/** The charts are drawn, follow the chosen range, and can be taken along as CSV and PNG. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { Campaign, people } from "./harness/campaign.mjs";
import {
  CHARTS,
  chooseRange,
  drawing,
  picture,
  saveChart,
  untilFigures,
  untilOver,
} from "./harness/dashboard.mjs";
import { Visit } from "./harness/visit.mjs";
import { PATIENCE_S, until } from "./harness/wait.mjs";

/** A browser lets a page save about ten files in a row, then it waits for a person's consent. */
const DOWNLOAD_EVERY_MS = 2000;
/** The first bytes of every PNG (its specification, section 5.2). */
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

const RULES = ['p*3@*: refuse 550 5.1.1 "no such user"', 'p*4@*: defer 451 4.7.1 "greylisted" times 1'];

test("every chart is drawn and saved as PNG; the CSV's sent ones add up to the figure", async t => {
  const campaign = await Campaign.start(t, { recipients: people(150), rules: RULES, rate: 30, retries: 1 });
  const visit = await Visit.start(t, campaign.url);
  const { sent } = await untilOver(visit.page);
  await chooseRange(visit.page, "All");
  for (const chart of CHARTS) {
    const box = await drawing(visit.page, chart).locator("canvas").boundingBox();
    assert.ok(box !== null && box.width > 200 && box.height > 80, `${chart}: ${JSON.stringify(box)}`);
    const png = await readFile(await saveChart(visit.page, chart, "PNG"));
    assert.deepEqual(png.subarray(0, PNG.length), PNG, chart);
    assert.ok(png.length > 2000, `${chart}: a PNG of ${png.length} bytes`);
  }
  const isWhole = async () => (await sentOfCsv(visit.page)) === sent;
  await until("a CSV with every message", isWhole, PATIENCE_S, DOWNLOAD_EVERY_MS);
  visit.assertClean();
});

test("another range is another picture", async t => {
  // Longer than the shortest range, else all ranges show the same.
  const campaign = await Campaign.start(t, { recipients: people(140), rate: 2 });
  const visit = await Visit.start(t, campaign.url);
  await untilFigures(visit.page, "a minute and more", ({ sent }) => sent >= 136, 100);
  await chooseRange(visit.page, "All");
  const whole = await picture(visit.page, "outcomes");
  assert.match(String(await drawing(visit.page, "outcomes").getAttribute("aria-label")), /the whole time/);
  await chooseRange(visit.page, "1 min");
  await until("another picture", async () => (await picture(visit.page, "outcomes")) !== whole);
  assert.match(String(await drawing(visit.page, "outcomes").getAttribute("aria-label")), /the last minute/);
  visit.assertClean();
});

/**
 * The messages sent by the CSV of the delivery rate: its rows are seconds.
 *
 * @param {import("playwright-core").Page} page
 */
async function sentOfCsv(page) {
  const [header = "", ...rows] = (await readFile(await saveChart(page, "rate", "CSV"), "utf8"))
    .trim()
    .split("\r\n");
  const column = header.split(",").indexOf("Sent");
  return rows.reduce((total, row) => total + Number(row.split(",")[column]), 0);
}
