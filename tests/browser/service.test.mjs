/** The service's page: who gets in, numbers that are the truth, and every message with what happened to it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { chooseStatus, search } from "./harness/dashboard.mjs";
import { HELD_BATCH, everyOutcome, orders, serviceWithAccounts } from "./harness/outcomes.mjs";
import {
  PLACES,
  idsOfAllPages,
  openMessage,
  placeOf,
  rowSaying,
  steps,
  untilBooks,
  untilRows,
  visit,
} from "./harness/traffic.mjs";
import { until } from "./harness/wait.mjs";

/** Orders are handed over in so many portions of so many. */
const PORTIONS = 6;
const PORTION = 20;

test("the page opens by its token once, then by the cookie, and to nobody else", async t => {
  const service = await serviceWithAccounts(t);
  const { page, context } = await visit(t, service);
  assert.equal(page.url(), `${service.url}#/`, "the token stays in the address");
  const again = await context.newPage();
  assert.equal((await again.goto(service.url))?.status(), 200);
  await again.getByTestId("stat-accepted").waitFor();

  await context.clearCookies();
  for (const [address, words] of /** @type {const} */ ([
    ["", /a token is needed: open the page once with \?token=/],
    ["?token=guess", /this token is wrong/],
  ])) {
    const answer = await again.goto(service.url + address);
    assert.equal(answer?.status(), 401);
    assert.match(await again.innerText("body"), words);
  }
  const asked = await fetch(`${service.url}api/traffic`);
  assert.equal(asked.status, 401);
});

test("numbers move while mail comes in, and in the end everybody counts the same", async t => {
  const service = await serviceWithAccounts(t);
  const seen = await visit(t, service);
  for (let portion = 1; portion <= PORTIONS; portion += 1) {
    await service.send(orders((portion - 1) * PORTION, PORTION));
    const accepted = portion * PORTION;
    await untilBooks(seen.page, `${accepted} accepted`, shown => shown.accepted === accepted);
  }
  await untilBooks(seen.page, "all sent", shown => shown.sent === PORTIONS * PORTION);
  const expected = await everyOutcome(service, PORTIONS * PORTION);
  const shown = await untilBooks(seen.page, "every outcome", ({ accepted, pending, deferred }) => {
    return accepted === expected.accepted && pending === expected.pending && deferred === expected.deferred;
  });

  const { totals, accounts, tenants } = await service.traffic();
  const told = [totals.accepted, totals.sent, totals.errors, totals.pending, totals.cancelled];
  assert.deepEqual([shown.accepted, shown.sent, shown.failed, shown.pending, shown.cancelled], told);
  assert.deepEqual([shown.deferred, shown.limited], [totals.deferred, totals.rate_limited]);
  for (const name of ["accepted", "sent", "errors", "pending", "cancelled", "deferred", "rate_limited"]) {
    for (const all of [accounts, tenants]) {
      const sum = all.reduce((/** @type {number} */ so, /** @type {any} */ row) => so + row[name], 0);
      assert.equal(sum, totals[name], `the rows' ${name}`);
    }
  }
  const metrics = await service.metrics();
  assert.equal(metrics.get("gmp_sent_total"), shown.sent);
  assert.equal(metrics.get("gmp_errors_total"), shown.failed);
  assert.equal(metrics.get("gmp_deferred_total"), shown.deferred);
  assert.equal(metrics.get("gmp_rate_limited_total"), shown.limited);
  assert.equal(metrics.get("gmp_pending_messages"), shown.pending);
  assert.equal(metrics.get("glasspost_service_accepted_total"), shown.accepted);
  assert.equal(await service.sink.count(), expected.delivered);
  seen.assertClean();
});

test("what holds accounts up is said in words, and so is that the service is suspended", async t => {
  const service = await serviceWithAccounts(t);
  const seen = await visit(t, service);
  const { accepted } = await everyOutcome(service, 0);
  const dead = await rowSaying(seen.page, "account", "counter", /cannot reach the relay/);
  assert.match(dead, /Connection refused/);
  const limited = await rowSaying(seen.page, "account", "bulk", /Limit met/);
  const { limited_until: at } = (await service.traffic()).accounts.find(
    (/** @type {any} */ row) => row.account_id === "bulk",
  );
  assert.ok(Date.parse(at) > Date.now() - 1000, `the limit ended at ${at}`);
  assert.match(limited, new RegExp(`it goes on at (\\S+ )?${timeOfDay(at)}\\.`));
  await seen.page.getByTestId("by-tenant").click();
  await rowSaying(seen.page, "tenant", "Old Post Office", /1 with trouble/);
  await rowSaying(seen.page, "tenant", "Old Post Office", /waiting, the oldest for .*; failed/);
  await rowSaying(seen.page, "tenant", "Reed & Brass Press", /1 at a limit/);

  await service.ask("instance/suspend", {});
  await seen.page.getByText("Sending is suspended").waitFor();
  assert.equal(await seen.page.getByTestId("active").innerText(), "Suspended");
  await service.send(orders(0, 3));
  const { pending } = await untilBooks(seen.page, "three more wait", shown => shown.accepted === accepted + 3);
  await service.ask("instance/activate", {});
  await untilBooks(seen.page, "they were sent", shown => shown.pending === pending - 3);
  await seen.page.getByText("Sending is suspended").waitFor({ state: "hidden" });
  seen.assertClean();
});

test("messages are found by words, status, tenant and account, and turned page by page", async t => {
  const service = await serviceWithAccounts(t);
  await service.send(orders(0, PORTIONS * PORTION));
  const expected = await everyOutcome(service, PORTIONS * PORTION);
  const seen = await visit(t, service, { first: PLACES.messages });
  const { page } = seen;
  const ids = await idsOfAllPages(page);
  assert.equal(ids.length, expected.accepted);
  assert.equal(new Set(ids).size, expected.accepted, "a message is listed twice");

  await seen.go(PLACES.messages);
  await search(page, "ORDER-11");
  const found = await untilRows(page, "the search", all => all.length === 11);
  assert.ok(
    found.every(({ id }) => id.startsWith("order-11")),
    JSON.stringify(found),
  );
  await search(page, "nobody3@brass");
  await untilRows(page, "an address", ([one, more]) => one?.id === "refused-3" && more === undefined);
  await search(page, "");
  for (const [status, count] of /** @type {const} */ ([
    ["failed", expected.errors],
    ["pending", expected.pending],
  ])) {
    await chooseStatus(page, status);
    await untilRows(page, status, all => all.length === count);
  }
  await page.getByTestId("filter-tenant").fill("press");
  await page.getByTestId("filter-account").fill("bulk");
  await page.keyboard.press("Enter");
  await untilRows(page, "an account's", all => all.length === 7 && all.every(({ id }) => id.startsWith("bulk-")));
  await page.getByRole("link", { name: "Clear" }).click();
  await search(page, "held-");
  const held = await untilRows(page, "what is held back", all => all.length === 3);
  assert.ok(
    held.every(({ words }) => words === "Held back by its tenant."),
    JSON.stringify(held),
  );
  seen.assertClean();
});

test("one message shows its recipients, each with every attempt, the server's words and the dialogue", async t => {
  const service = await serviceWithAccounts(t);
  await everyOutcome(service, 0);
  const seen = await visit(t, service, { first: PLACES.messages });
  const { page } = seen;
  await openMessage(page, "parted");
  const people = page.getByTestId("recipient-row");
  const outcomes = await people.evaluateAll(all =>
    all.map(row => [
      row.querySelector("a")?.textContent,
      row.querySelector("[data-status]")?.getAttribute("data-status"),
    ]),
  );
  assert.deepEqual(outcomes, [
    ["ada@reed.example", "sent"],
    ["nobody@reed.example", "failed"],
    ["grace@reed.example", "sent"],
  ]);
  await people.getByRole("link", { name: "nobody@reed.example" }).click();
  await page.getByRole("heading", { name: /message to nobody@reed\.example/ }).waitFor();
  const refused = await steps(page);
  assert.deepEqual(
    refused.map(({ kind }) => kind),
    ["accepted", "bounced"],
  );
  assert.match(refused[1]?.text ?? "", /550 5\.1\.1 no such user here/);
  await page.getByText("SMTP dialogue").click();
  const dialogue = await page.getByTestId("dialogue").innerText();
  assert.match(dialogue, /C: RCPT TO:<nobody@reed\.example>[\s\S]*S: 550 5\.1\.1 no such user here/);

  await seen.go(await placeOf(service, "slow-1"));
  const slow = await steps(page);
  assert.deepEqual(
    slow.map(({ kind }) => kind),
    ["accepted", "deferred", "delivered"],
  );
  assert.match(slow[1]?.text ?? "", /451 4\.7\.1 greylisted, try again in a moment/);
  await seen.go(await placeOf(service, "held-0"));
  await page.getByText("Its tenant holds it back").waitFor();
  await page.getByText(HELD_BATCH, { exact: true }).waitFor();
  await service.ask(`commands/activate?tenant_id=shop&batch_code=${HELD_BATCH}`, {});
  await until("its delivery", async () => (await steps(page)).at(-1)?.kind === "delivered");
  await seen.go(await placeOf(service, "bulk-11"));
  const limited = await steps(page);
  assert.match(limited.at(-1)?.text ?? "", /Held back by a limit[\s\S]*It goes on at .*:00:00\./);
  seen.assertClean();
});

/**
 * The time of day of a moment, as the page writes it.
 *
 * @param {string} at
 */
function timeOfDay(at) {
  const date = new Date(at);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  return parts.map(part => String(part).padStart(2, "0")).join(":");
}
