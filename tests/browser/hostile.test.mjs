/** Whatever a list, a template, a command line or a receiver says is text on every page. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Campaign } from "./harness/campaign.mjs";
import { Canary } from "./harness/canary.mjs";
import { PLACES, logLines, openRecipient, search, untilOver, untilRows } from "./harness/dashboard.mjs";
import { assertNoIntruder } from "./harness/intruders.mjs";
import { localPart, payloads, reply } from "./harness/payloads.mjs";
import { Visit } from "./harness/visit.mjs";

/** How many recipients' pages are opened one by one. */
const OPENED = 12;

test("hostile names, addresses, subjects and replies are text on every page", async t => {
  const canary = await Canary.start(t);
  const texts = payloads(canary.url);
  assert.equal(new Set(texts).size, 50);
  const campaign = await Campaign.start(t, hostile(texts));
  const visit = await Visit.start(t, campaign.url);
  const { failed } = await untilOver(visit.page);
  assert.equal(failed, texts.length);

  for (const [name, place] of Object.entries(PLACES)) {
    await visit.go(place);
    await assertNoIntruder(visit.page, name);
  }
  // Every reply is there in its words, on the page that lists them all.
  await visit.go(PLACES.activity);
  const log = (await logLines(visit.page)).join("\n");
  for (const text of texts) {
    assert.ok(log.includes(reply(text)), `${reply(text)} is not shown as it is`);
  }
  visit.assertClean();
  assert.equal(canary.connections, 0, "something was asked of another host");
});

test("each hostile recipient is found and shown with its words", async t => {
  const canary = await Canary.start(t);
  const texts = payloads(canary.url);
  const plan = hostile(texts);
  const campaign = await Campaign.start(t, plan);
  const visit = await Visit.start(t, campaign.url);
  await untilOver(visit.page);
  await visit.go(PLACES.recipients);
  const emails = plan.recipients.map(({ email = "" }) => email);
  const shown = await untilRows(visit.page, "everybody", all => all.length === texts.length);
  assert.deepEqual(shown.map(({ email }) => email).sort(), [...emails].sort());
  await assertNoIntruder(visit.page, "the list");
  for (const [number, email] of emails.slice(0, OPENED).entries()) {
    await search(visit.page, email);
    await untilRows(visit.page, email, found => found.length === 1 && found[0]?.email === email);
    await openRecipient(visit.page, email);
    await visit.page
      .getByText(reply(texts[number] ?? ""))
      .first()
      .waitFor();
    await assertNoIntruder(visit.page, email);
    await visit.page.goBack();
  }
  visit.assertHome();
  assert.equal(canary.connections, 0, "something was asked of another host");
});

test("a hostile address of a page leads nowhere", async t => {
  const canary = await Canary.start(t);
  const campaign = await Campaign.start(t, { recipients: [{ email: "one@reed.example", name: "One" }] });
  const visit = await Visit.start(t, campaign.url);
  await untilOver(visit.page);
  for (const text of payloads(canary.url)) {
    const part = encodeURIComponent(text);
    const places = [
      `#/${part}`,
      `#/recipients/${part}`,
      `#/recipients?search=${part}&status=${part}&job=${part}`,
    ];
    await visit.page.evaluate(async all => {
      for (const place of all) {
        location.hash = place;
        await new Promise(requestAnimationFrame);
      }
    }, places);
    await assertNoIntruder(visit.page, text);
  }
  visit.assertHome();
  assert.equal(canary.connections, 0, "something was asked of another host");
});

/**
 * A campaign in which every field that somebody else fills is hostile, and every message fails with hostile words.
 *
 * @param {string[]} texts
 * @returns {import("./harness/campaign.mjs").Plan}
 */
function hostile(texts) {
  return {
    recipients: texts.map((text, number) => ({
      email: `${localPart(text, number)}@h${number}.test`,
      name: text,
    })),
    rules: texts.map((text, number) => `h${number}.test: refuse 550 5.1.1 "${reply(text)}"`),
    subject: "{{.name}}",
    name: texts.join(" "),
    listName: "<img src=x onerror=__xss(1)>.csv",
    template: "<p>{{.name}}</p><script>parent.__xss(1)</script>",
  };
}
