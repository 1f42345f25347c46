/** The figures move while mail is sent, add up at every sight, and are everybody's figures at the end. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Campaign, people } from "./harness/campaign.mjs";
import { PLACES, figures, sum, untilFigures, untilOver } from "./harness/dashboard.mjs";
import { Visit } from "./harness/visit.mjs";
import { stays, until } from "./harness/wait.mjs";

/** Failures of every kind, by the number in the address. */
const RULES = [
  'p*1@*: refuse 550 5.1.1 "no such user here"',
  'p*2@*: refuse-after-data 554 5.7.1 "this looks like spam"',
  'p*3@*: defer 451 4.7.1 "greylisted" times 1',
  'p*4@*: defer 452 4.2.2 "the mailbox is full"',
  "p15@*: drop",
];

test("the figures move and add up at every sight", async t => {
  const campaign = await Campaign.start(t, { recipients: people(300), rules: RULES, rate: 40, retries: 1 });
  const visit = await Visit.start(t, campaign.url);
  const seen = [];
  for (;;) {
    const shown = await figures(visit.page);
    seen.push(shown);
    assert.equal(sum(shown), shown.total, JSON.stringify(shown));
    if (shown.stage === "completed") {
      break;
    }
  }
  const growth = new Set(seen.map(({ sent }) => sent));
  assert.ok(growth.size >= 8, `sent was shown as ${[...growth]} only`);
  assert.ok(
    seen.some(({ retry }) => retry > 0),
    "no message was shown between two tries",
  );
  visit.assertClean();
});

test("at the end the page, the answers, the metrics, the account and the receiver agree", async t => {
  const campaign = await Campaign.start(t, { recipients: people(120), rules: RULES, retries: 1 });
  const visit = await Visit.start(t, campaign.url);
  const shown = await untilOver(visit.page);
  const expected = { total: 120, sent: shown.sent, failed: shown.failed };
  assert.equal(shown.stage, "completed");
  assert.ok(shown.failed > 30, `${shown.failed} failed`);
  assert.equal(shown.sent + shown.failed, 120);

  const { total_recipients, sent_count, failed_count } = await campaign.status();
  assert.deepEqual({ total: total_recipients, sent: sent_count, failed: failed_count }, expected);
  const { campaignStats } = await (await campaign.get("api/stats")).json();
  assert.equal(campaignStats.sent_count, shown.sent);
  assert.equal(campaignStats.failed_count, shown.failed);

  const metrics = await campaign.metrics();
  assert.equal(metrics.get("mailgrid_emails_total"), 120);
  assert.equal(metrics.get("mailgrid_emails_sent_total"), shown.sent);
  assert.equal(metrics.get("mailgrid_emails_failed_total"), shown.failed);
  assert.equal(metrics.get("mailgrid_emails_pending"), 0);

  const recipients = await campaign.recipients();
  const withStatus = (/** @type {string} */ status) => recipients.filter(one => one.status === status).length;
  assert.deepEqual(
    { total: recipients.length, sent: withStatus("sent"), failed: withStatus("failed") },
    expected,
  );

  const account = { success: shown.sent, failed: shown.failed };
  await until("the account on disk", async () => {
    const { success, failed } = await campaign.account();
    return success === account.success && failed === account.failed;
  });
  assert.equal(await campaign.sink.count(), shown.sent);
  visit.assertClean();
});

test("a reload shows the same picture", async t => {
  const campaign = await Campaign.start(t, { recipients: people(120), rules: RULES, rate: 40 });
  const visit = await Visit.start(t, campaign.url);
  const before = await untilFigures(visit.page, "half is sent", ({ sent }) => sent > 30);
  await visit.page.reload();
  const after = await figures(visit.page);
  assert.ok(after.sent >= before.sent, `${before.sent} sent became ${after.sent}`);
  assert.equal(sum(after), after.total);
  const end = await untilOver(visit.page);
  await visit.page.reload();
  assert.deepEqual(await figures(visit.page), end);
  visit.assertClean();
});

/**
 * Whether a number has stood still for a while: the stream may tell of the last change a moment after it.
 *
 * @param {() => number} read
 */
function quiet(read) {
  const WHILE_MS = 1500;
  let last = read();
  let since = performance.now();
  return () => {
    if (read() !== last) {
      last = read();
      since = performance.now();
    }
    return performance.now() - since > WHILE_MS;
  };
}

test("the domains follow the stream, and nobody asks when nothing happens", async t => {
  const campaign = await Campaign.start(t, { recipients: people(120), rate: 40 });
  const visit = await Visit.start(t, campaign.url);
  /** @type {string[]} */
  const asked = [];
  let sent = 0;
  visit.page.on("response", async response => {
    const { pathname } = new URL(response.url());
    asked.push(pathname);
    if (pathname === "/api/domains") {
      const { domains } = await response.json();
      sent = domains.reduce((/** @type {number} */ all, /** @type {any} */ row) => all + row.sent, 0);
    }
  });
  const began = performance.now();
  await visit.go(PLACES.domains);
  await until("the last domain's count", () => sent === 120);
  const looks = asked.filter(pathname => pathname === "/api/domains").length;
  const seconds = (performance.now() - began) / 1000;
  assert.ok(looks >= 3 && looks <= seconds + 2, `${looks} looks in ${seconds} s`);
  await until("the end", async () => (await campaign.status()).pending_count === 0);
  await until("the last look", quiet(() => asked.length));
  await stays("the number of looks", () => asked.length, asked.length, 2.5);
  assert.ok(!asked.includes("/api/campaigns"), "the run's name is asked for apart");
  visit.assertClean();
});
