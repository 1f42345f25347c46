/** The page of the processes: who lives, what each is doing, and how much waits at each stage. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { everyOutcome, serviceWithAccounts } from "./harness/outcomes.mjs";
import { Service } from "./harness/service.mjs";
import { PLACES, visit } from "./harness/traffic.mjs";
import { until } from "./harness/wait.mjs";

test("the process shows itself with what it does, and how that changes", async t => {
  const service = await serviceWithAccounts(t);
  await everyOutcome(service, 0);
  const seen = await visit(t, service, { first: PLACES.nodes });
  const { page } = seen;
  const row = page.getByTestId("node-row");
  assert.equal(await row.count(), 1);
  const words = await row.innerText();
  const { nodes } = await service.ask("api/nodes");
  for (const part of ["This one", `(${nodes[0].process})`, nodes[0].address, "api, worker, smtp", "Active"]) {
    assert.ok(words.includes(part), `${part} is not in ${words}`);
  }
  await until("its duties", async () => /housekeeping, mailboxes, reports, schedules, statistics/.test(await row.innerText()));
  const dead = page.getByTestId("work-row").filter({ hasText: "counter" });
  await until("what is wrong", async () => /cannot reach the relay/.test(await dead.innerText()));

  await service.ask("instance/suspend", {});
  await row.getByText("Suspended").waitFor();
  await service.ask("instance/activate", {});
  await row.getByText("Active").waitFor();
  await dead.getByRole("link", { name: "counter" }).click();
  await page.getByTestId("submission-row").first().waitFor();
  seen.assertClean();
});

test("that no process delivers is said, not that this one does not", async t => {
  const service = await Service.start(t, { settings: ["service.roles=api,worker"] });
  const seen = await visit(t, service, { first: PLACES.nodes });
  await seen.page.getByTestId("nobody-delivers").waitFor();
  assert.equal(await seen.page.getByTestId("active").innerText(), "Nobody delivers");
  assert.match(await seen.page.getByTestId("node-row").innerText(), /api, worker/);
  const ready = await fetch(`${service.url}ready`);
  assert.equal(ready.status, 200, "it can do all that it is there for");
  seen.assertClean();
});

test("the queues are shown with what waits in them", async t => {
  const service = await serviceWithAccounts(t);
  const { pending } = await everyOutcome(service, 0);
  const seen = await visit(t, service);
  const queue = (/** @type {string} */ name) => seen.page.getByTestId(`queue-${name}`).getAttribute("data-value");
  await until("what waits", async () => Number(await queue("smtp:deliver")) >= pending);
  assert.equal(await queue("email:process"), "0");
  await until("the page and the status agree on what is to be reported", async () => {
    const { queues } = await service.ask("status");
    return Number(await queue("webhook:deliver")) === queues[2].depth;
  });
  const metrics = await service.metrics();
  assert.ok((metrics.get("glasspost_queue_depth") ?? 0) >= pending);
  seen.assertClean();
});
