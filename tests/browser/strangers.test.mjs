/** The page of another site, open in the same browser, can neither read the dashboard nor do anything with it. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";

import { Campaign, people } from "./harness/campaign.mjs";
import { figures, untilFigures } from "./harness/dashboard.mjs";
import { Visit } from "./harness/visit.mjs";

test("another site's page cannot read, control or frame the dashboard", async t => {
  const campaign = await Campaign.start(t, { recipients: people(400), rate: 20 });
  const visit = await Visit.start(t, campaign.url);
  await untilFigures(visit.page, "some are sent", ({ sent }) => sent > 5);
  const { job_id: job } = await campaign.status();

  const stranger = await visit.context.newPage();
  await stranger.goto(await otherSite(t));
  const came = await stranger.evaluate(trespass, { url: campaign.url, job });
  assert.deepEqual(came, { read: "refused", controlled: "refused", stream: "refused" });
  const [, frame] = stranger.frames();
  assert.ok(frame !== undefined && !(await frame.content()).includes('id="app"'), "it can be framed");

  const { stage } = await figures(visit.page);
  assert.equal(stage, "sending", "a stranger cancelled the run");
});

/**
 * Tries what a page can try; runs in the browser.
 *
 * @param {{ url: string, job: string }} dashboard
 */
async function trespass({ url, job }) {
  /** @param {string} path @param {RequestInit} [options] */
  const ask = async (path, options) => {
    const answer = await fetch(url + path, options).catch(() => undefined);
    return answer === undefined || answer.status >= 400 ? "refused" : `answered ${answer.status}`;
  };
  const controls = `api/campaigns/${job}/controls`;
  const body = JSON.stringify({ action: "cancel" });
  const read = await ask("api/stats");
  await ask(controls, { method: "POST", mode: "no-cors", body });
  const controlled = await ask(controls, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body,
  });
  const stream = await new Promise(resolve => {
    const source = new EventSource(`${url}api/stream`);
    source.onmessage = () => resolve("answered");
    source.onerror = () => resolve("refused");
  });
  const frame = document.createElement("iframe");
  const loaded = new Promise(resolve => (frame.onload = resolve));
  frame.src = url;
  document.body.append(frame);
  await loaded;
  return { read, controlled, stream };
}

/** Another site with one empty page. @param {import("node:test").TestContext} test */
async function otherSite(test) {
  const server = createServer((_, answer) => {
    answer.setHeader("Content-Type", "text/html");
    answer.end("<!doctype html><title>elsewhere</title><body>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => server.close());
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return `http://127.0.0.1:${port}/`;
}
