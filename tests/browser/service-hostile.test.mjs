/** Whatever applications and servers say is text on every page of the service, and in its API's page. */

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";

import { Canary } from "./harness/canary.mjs";
import { assertNoIntruder } from "./harness/intruders.mjs";
import { localPart, payloads, reply } from "./harness/payloads.mjs";
import { Service } from "./harness/service.mjs";
import { Sink } from "./harness/sink.mjs";
import {
  PLACES,
  openMessage,
  placeOf,
  rowSaying,
  steps,
  untilBooks,
  untilRows,
  visit,
} from "./harness/traffic.mjs";

/** How many messages' pages are opened one by one. */
const OPENED = 8;
/** Longest batch code, in characters. */
const BATCH_MAX = 64;

test("hostile names, ids, subjects, addresses and replies are text on every page of the service", async t => {
  const canary = await Canary.start(t);
  const texts = payloads(canary.url);
  const service = await hostileService(t, texts);
  const seen = await visit(t, service);
  const { page } = seen;
  await untilBooks(page, "all refused", shown => shown.failed === texts.length);
  await assertNoIntruder(page, "traffic by account");
  const said = await rowSaying(page, "account", "hostile", /cannot reach the relay/);
  assert.ok(said.includes(reply(texts[0] ?? "")), said);
  await page.getByTestId("by-tenant").click();
  await page.getByTestId("tenant-row").first().waitFor();
  const tenants = await page.getByTestId("tenant-row").allInnerTexts();
  for (const text of texts) {
    assert.ok(
      tenants.some(row => row.includes(text)),
      `${text} is not shown as it is`,
    );
  }
  await assertNoIntruder(page, "traffic by tenant");

  await seen.go(PLACES.messages);
  const listed = await untilRows(page, "everything", all => all.length === 50);
  await page.getByTestId("page-older").click();
  listed.push(...(await untilRows(page, "the rest", all => all.length === 1)));
  assert.deepEqual(listed.map(({ id }) => id).sort(), ["waits", ...texts].sort());
  for (const text of texts) {
    assert.ok(
      listed.some(({ words }) => words.includes(reply(text))),
      `${reply(text)} is not shown as it is`,
    );
  }
  await assertNoIntruder(page, "messages");

  for (const [number, text] of texts.slice(0, OPENED).entries()) {
    await seen.go(await placeOf(service, text));
    await page.getByRole("heading", { name: text, exact: true }).waitFor();
    const happened = await steps(page);
    assert.ok(happened.at(-1)?.text.includes(reply(text)), reply(text));
    const shown = await page.innerText("main");
    for (const word of [text, `${localPart(text, number)}@h${number}.test`, `${number} ${text}.txt`]) {
      assert.ok(shown.includes(word), `${word} is not shown as it is`);
    }
    await assertNoIntruder(page, text);
  }
  seen.assertClean();
  assert.equal(canary.connections, 0, "something was asked of another host");
});

test("a hostile address of a page of the service leads nowhere", async t => {
  const canary = await Canary.start(t);
  const service = await Service.start(t);
  await service.tenant("shop", "The Shop");
  await service.account("shop", "orders");
  await service.send([{ id: "one", tenant_id: "shop", account_id: "orders", to: ["one@reed.example"] }]);
  const seen = await visit(t, service);
  for (const text of payloads(canary.url)) {
    const part = encodeURIComponent(text);
    const places = [
      `#/${part}`,
      `#/messages/${part}?recipient=${part}`,
      `#/messages?search=${part}&status=${part}&tenant=${part}&account=${part}&before=${part}`,
    ];
    await seen.page.evaluate(async all => {
      for (const place of all) {
        location.hash = place;
        await new Promise(requestAnimationFrame);
      }
    }, places);
    await assertNoIntruder(seen.page, text);
  }
  await seen.go(PLACES.messages);
  await openMessage(seen.page, "one");
  seen.assertHome();
  assert.equal(canary.connections, 0, "something was asked of another host");
});

/**
 * A service in which every field that somebody else fills is hostile, every message fails with hostile words, and one
 * account's relay greets with such.
 *
 * @param {import("node:test").TestContext} test
 * @param {string[]} texts
 */
async function hostileService(test, texts) {
  const rules = texts.map((text, number) => `h${number}.test: refuse 550 5.1.1 "${reply(text)}"`);
  const service = await Service.start(test, { rules });
  for (const [number, text] of texts.entries()) {
    await service.tenant(`t${number}`, text);
    await service.account(`t${number}`, "main");
  }
  const mail = texts.map((text, number) => ({
    id: text,
    tenant_id: `t${number}`,
    account_id: "main",
    from: `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}" <from@glasshouse.example>`,
    to: [`${localPart(text, number)}@h${number}.test`],
    subject: `About ${text}`,
    batch_code: text.slice(0, BATCH_MAX),
    attachments: [{ filename: `${number} ${text}.txt`, storage_path: "base64:QQ==" }],
  }));
  await service.send(mail);
  await greetWith(test, service, reply(texts[0] ?? ""));
  return service;
}

/**
 * Adds an account whose relay takes nobody, with these words, and a message for it.
 *
 * @param {import("node:test").TestContext} test
 * @param {Service} service
 * @param {string} words
 */
async function greetWith(test, service, words) {
  const folder = `${service.folder}/greeter`;
  await mkdir(folder);
  const greeter = await Sink.start(folder, [`*: defer 421 4.3.2 "${words}" at connect`]);
  test.after(() => greeter.stop());
  await service.account("t0", "hostile", { port: greeter.port });
  await service.send([{ id: "waits", tenant_id: "t0", account_id: "hostile", to: ["one@reed.example"] }]);
}
