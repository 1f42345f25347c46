/** The API's page: every operation of the document, tried out with a token, usable by everybody. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { AXE, graveFindingsInEveryLook } from "./harness/accessibility.mjs";
import { Canary } from "./harness/canary.mjs";
import { tabTo } from "./harness/dashboard.mjs";
import { openOperation, operations, tryOut, visitDocs } from "./harness/docs.mjs";
import { assertNoIntruder } from "./harness/intruders.mjs";
import { orders, serviceWithAccounts } from "./harness/outcomes.mjs";
import { payloads } from "./harness/payloads.mjs";
import { until } from "./harness/wait.mjs";

const HAND_OVER = "POST /commands/add-messages";
const MESSAGES = "GET /messages";

test("the API's page lists every operation of the document and finds them by words", async t => {
  const service = await serviceWithAccounts(t);
  const seen = await visitDocs(t, service);
  const document = await service.ask("openapi.json");
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`),
  );
  assert.ok(all.length > 50, `${all.length} operations`);
  assert.deepEqual((await operations(seen.page)).sort(), all.sort());
  await seen.page.getByRole("searchbox", { name: "Find" }).fill("post SUSPEND");
  const found = await operations(seen.page);
  assert.deepEqual(
    found.sort(),
    all.filter(name => name.startsWith("POST") && name.toLowerCase().includes("suspend")).sort(),
  );
  seen.assertClean();
});

test("what the document marks as code is shown as code", async t => {
  const service = await serviceWithAccounts(t);
  const seen = await visitDocs(t, service);
  const { page } = seen;
  const { info } = await service.ask("openapi.json");
  assert.match(info.description, /`Retry-After`/);
  await page.locator("#about code", { hasText: /^Retry-After$/ }).waitFor();
  for (const name of await operations(page)) {
    await openOperation(page, name);
  }
  assert.ok((await page.locator("span > code", { hasText: /^body_html$/ }).count()) > 0);
  const words = await page.locator("body").innerText();
  assert.deepEqual(words.match(/.*`.*/g), null);
  assert.equal(await page.locator("[title*='`']").count(), 0);
  seen.assertClean();
});

test("operations are tried out with a token, and answers are text", async t => {
  const canary = await Canary.start(t);
  const service = await serviceWithAccounts(t);
  const seen = await visitDocs(t, service);
  const { page } = seen;
  assert.match(await tryOut(page, MESSAGES, { tenant_id: "shop" }), /^401 [\s\S]*"detail"/);
  await page.getByLabel("Token").fill(service.token);
  assert.match(await tryOut(page, MESSAGES, { tenant_id: "shop" }), /^200 OK [\s\S]*"messages": \[\]/);

  const subject = payloads(canary.url).join(" ").slice(0, 900);
  const messages = orders(0, 1).map(order => ({ ...order, from: "a@glasshouse.example", subject, body: "x" }));
  const body = JSON.stringify({ messages });
  assert.match(await tryOut(page, HAND_OVER, { "request body": body }), /^200 OK [\s\S]*"queued": 1/);
  await until("its delivery", async () => (await service.sink.count()) === 1);
  const answer = await tryOut(page, MESSAGES, { tenant_id: "shop", include_history: "true" });
  assert.ok(answer.includes(JSON.stringify(subject)), answer);
  await assertNoIntruder(page, "the API's page");
  assert.match(await tryOut(page, HAND_OVER, { "request body": "{" }), /^4\d\d [\s\S]*"detail"/);
  seen.assertHome();
  assert.equal(canary.connections, 0, "something was asked of another host");
});

test("everybody can use the API's page", async t => {
  const service = await serviceWithAccounts(t);
  const seen = await visitDocs(t, service, { script: AXE });
  const { page } = seen;
  await tabTo(page, "#token");
  await page.keyboard.type(service.token);
  await tabTo(page, "#find");
  await tabTo(page, "summary");
  await page.keyboard.press("Enter");
  await tabTo(page, "details[open] button");
  await openOperation(page, HAND_OVER);
  await tryOut(page, MESSAGES, { tenant_id: "shop" });
  await tabTo(page, "details[open] pre");
  assert.deepEqual(await graveFindingsInEveryLook(page), []);
  seen.assertClean();
});
