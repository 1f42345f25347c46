/** The list of recipients: filters, search, pages, and links that can be kept. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Campaign, people } from "./harness/campaign.mjs";
import {
  PLACES,
  chooseStatus,
  openRecipient,
  rows,
  search,
  turnPage,
  untilOver,
  untilRows,
} from "./harness/dashboard.mjs";
import { Visit } from "./harness/visit.mjs";

/** Of 130 people, those whose number ends with 7. */
const REFUSED = people(130).flatMap(({ email }) => (/^p\d*7@/.test(email) ? [email] : []));
const RULES = ['p*7@*: refuse 550 5.1.1 "no such user here"'];

/**
 * A browser on the recipients of a campaign that is over.
 *
 * @param {import("node:test").TestContext} t
 */
async function visitRecipients(t) {
  const campaign = await Campaign.start(t, { recipients: people(130), rules: RULES });
  const visit = await Visit.start(t, campaign.url);
  await untilOver(visit.page);
  await visit.go(PLACES.recipients);
  await untilRows(visit.page, "any", shown => shown.length > 0);
  return visit;
}

/** @param {{ email: string }[]} shown */
function emails(shown) {
  return shown.map(({ email }) => email);
}

test("a filter by status shows only what has that status, also by its link", async t => {
  const visit = await visitRecipients(t);
  const { page } = visit;
  await chooseStatus(page, "failed");
  const failed = await untilRows(page, "the failed ones", shown => shown.length === REFUSED.length);
  assert.ok(failed.every(({ status }) => status === "failed"));
  assert.deepEqual(emails(failed).sort(), [...REFUSED].sort());

  await page.reload();
  const again = await untilRows(page, "the failed ones", shown => shown.length === REFUSED.length);
  assert.deepEqual(again, failed, "the link keeps the filter");

  await chooseStatus(page, "sent");
  await untilRows(
    page,
    "the sent ones",
    shown => shown.length > 0 && shown.every(({ status }) => status === "sent"),
  );
  visit.assertClean();
});

test("search finds one, and says so when there is nobody", async t => {
  const visit = await visitRecipients(t);
  await search(visit.page, "p42@");
  const found = await untilRows(visit.page, "the one", shown => shown.length === 1);
  assert.deepEqual(emails(found), ["p42@gmail.com"]);
  await search(visit.page, "nobody-of-that-name");
  await untilRows(visit.page, "nobody", shown => shown.length === 0);
  await search(visit.page, "");
  await untilRows(visit.page, "all", shown => shown.length > 1);
  visit.assertClean();
});

test("pages lead forth and back, each recipient once", async t => {
  const visit = await visitRecipients(t);
  /** @type {string[][]} */
  const forth = [];
  do {
    forth.push(emails(await rows(visit.page)));
  } while (await turnPage(visit.page, "next"));
  const all = forth.flat();
  assert.deepEqual(
    [...all].sort(),
    people(130)
      .map(({ email }) => email)
      .sort(),
  );
  assert.ok(forth.length >= 3, `${forth.length} pages`);

  const back = [];
  do {
    back.unshift(emails(await rows(visit.page)));
  } while (await turnPage(visit.page, "previous"));
  assert.deepEqual(back, forth);
  visit.assertClean();
});

test("a recipient's page can be linked to, and the way back keeps the filter", async t => {
  const visit = await visitRecipients(t);
  await chooseStatus(visit.page, "failed");
  await untilRows(visit.page, "the failed ones", shown => shown.length === REFUSED.length);
  const [email = ""] = REFUSED;
  await openRecipient(visit.page, email);
  await visit.page.reload();
  await visit.page.getByRole("heading", { name: email }).waitFor();
  await visit.page.goBack();
  await untilRows(visit.page, "the failed ones", shown => shown.length === REFUSED.length);
  visit.assertClean();
});

test("a domain and a reply code lead to their recipients", async t => {
  const visit = await visitRecipients(t);
  await visit.go(PLACES.domains);
  await visit.page.getByTestId("domain-row").getByRole("link", { name: "gmail.com", exact: true }).click();
  const ofDomain = await untilRows(visit.page, "those of the domain", shown => shown.length > 0);
  assert.deepEqual(emails(ofDomain).sort(), ofGmail().sort());

  await visit.go(PLACES.domains);
  await visit.page.getByTestId("code-row").getByRole("link", { name: "550" }).click();
  const ofCode = await untilRows(visit.page, "those with the code", shown => shown.length > 0);
  assert.deepEqual(emails(ofCode).sort(), [...REFUSED].sort());
  visit.assertClean();
});

/** Of 130 people, those with a mailbox at Gmail: fewer than a page holds. */
function ofGmail() {
  return people(130).flatMap(({ email }) => (email.endsWith("@gmail.com") ? [email] : []));
}
