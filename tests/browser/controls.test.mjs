/** The controls do what they say, to the mail and not only to the page. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Campaign, people } from "./harness/campaign.mjs";
import { PLACES, act, askFor, logLines, sum, untilFigures, untilOver } from "./harness/dashboard.mjs";
import { Visit } from "./harness/visit.mjs";
import { stays, until } from "./harness/wait.mjs";

/** How long a pause is watched: at the rate of these campaigns, time enough for 60 messages. */
const PAUSE_WATCHED_S = 1.5;

test("pause stops the mail, resume goes on, and everybody gets it once", async t => {
  const campaign = await Campaign.start(t, { recipients: people(400), rate: 40 });
  const visit = await Visit.start(t, campaign.url);
  await untilFigures(visit.page, "some are sent", ({ sent }) => sent > 10);

  await act(visit.page, "pause");
  const isAtRest = (/** @type {import("./harness/dashboard.mjs").Figures} */ shown) =>
    shown.stage === "paused" && shown.sending === 0;
  const paused = await untilFigures(visit.page, "a pause", isAtRest);
  assert.ok(paused.sent < 400, "it was over before it was paused");
  await stays("the receiver's count", () => campaign.sink.count(), paused.sent, PAUSE_WATCHED_S);
  assert.equal(sum(paused), paused.total);

  await act(visit.page, "resume");
  const end = await untilOver(visit.page);
  assert.deepEqual([end.stage, end.sent], ["completed", 400]);
  const recipients = await campaign.sink.recipients();
  assert.deepEqual([recipients.length, new Set(recipients).size], [400, 400]);

  await visit.go(PLACES.activity);
  const lines = await logLines(visit.page);
  for (const deed of ["paused", "resumed"]) {
    assert.ok(
      lines.some(line => line.includes(`${deed} by dashboard 127.0.0.1`)),
      `the log does not say who ${deed} it`,
    );
  }
  visit.assertClean();
});

test("only what makes sense now is offered", async t => {
  const campaign = await Campaign.start(t, { recipients: people(200), rate: 40 });
  const visit = await Visit.start(t, campaign.url);
  const offered = async () => {
    const actions = ["pause", "resume", "retry_failed", "cancel"];
    const buttons = actions.map(action => visit.page.getByTestId(`control-${action}`).isEnabled());
    const enabled = await Promise.all(buttons);
    return actions.filter((_, place) => enabled[place]).join();
  };
  await until("a run under way", async () => (await offered()) === "pause,cancel");
  await act(visit.page, "pause");
  await until("a pause", async () => (await offered()) === "resume,cancel");
  await act(visit.page, "resume");
  await untilOver(visit.page);
  await until("nothing to do", async () => (await offered()) === "");
  visit.assertClean();
});

test("a control that is not confirmed does nothing", async t => {
  const campaign = await Campaign.start(t, { recipients: people(300), rate: 40 });
  const visit = await Visit.start(t, campaign.url);
  const dialog = await askFor(visit.page, "cancel");
  await visit.page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  const end = await untilOver(visit.page);
  assert.deepEqual([end.stage, end.sent], ["completed", 300]);
  visit.assertClean();
});

test("cancel ends the run and takes the rest back", async t => {
  const campaign = await Campaign.start(t, { recipients: people(400), rate: 20 });
  const visit = await Visit.start(t, campaign.url);
  await untilFigures(visit.page, "some are sent", ({ sent }) => sent > 5);
  await act(visit.page, "cancel");
  const end = await untilOver(visit.page);
  assert.equal(end.stage, "cancelled");
  assert.ok(end.sent < 400);
  assert.deepEqual([end.total, sum(end)], [end.sent, end.sent], "what was taken back is not in the total");
  assert.equal(end.cancelled, 400 - end.sent);
  assert.equal(await campaign.sink.count(), end.sent);
  await until("the account", async () => (await campaign.account()).success === end.sent);
  visit.assertClean();
});

test("retry failed delivers to whoever was refused only the first time", async t => {
  const rules = ['p*7@*: refuse 550 5.1.1 "not yet" times 1', 'p*8@*: refuse 550 5.1.1 "never"'];
  const campaign = await Campaign.start(t, { recipients: people(60), rules });
  const visit = await Visit.start(t, campaign.url);
  const before = await untilOver(visit.page);
  assert.deepEqual([before.total, before.sent, before.failed], [60, 48, 12]);

  await asksToRetry(visit.page, 12);
  await act(visit.page, "retry_failed");
  const after = await untilFigures(
    visit.page,
    "the second tries",
    ({ sent, failed }) => sent + failed === 72,
  );
  // A failed one stays failed; its second try counts for itself.
  assert.deepEqual([after.total, after.sent, after.failed], [72, 54, 18]);
  await asksToRetry(visit.page, 6);
  const second = (await campaign.sink.recipients()).slice(48);
  assert.deepEqual(second.sort(), refusedOnce().sort());
  visit.assertClean();
});

/**
 * Expects the question to name what would be sent again, and answers no.
 * @param {import("playwright-core").Page} page
 * @param {number} count
 */
async function asksToRetry(page, count) {
  const dialog = await askFor(page, "retry_failed");
  assert.match(await dialog.innerText(), new RegExp(`^${count} messages that failed will be sent again`, "m"));
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
}

/** Of 60 people, those who are refused only the first time. */
function refusedOnce() {
  return people(60).flatMap(({ email }) => (/^p\d*7@/.test(email) ? [email] : []));
}
