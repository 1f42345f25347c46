/** One recipient's page: every attempt with the receiver's words, and the message in a frame where nothing runs. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Campaign, people } from "./harness/campaign.mjs";
import { Canary } from "./harness/canary.mjs";
import { PLACES, attempts, openRecipient, preview, untilFigures, untilOver } from "./harness/dashboard.mjs";
import { Visit } from "./harness/visit.mjs";
import { stays } from "./harness/wait.mjs";

/** How long another host waits for a connection: the browser makes them while it reads the letter. */
const CANARY_WATCHED_S = 0.5;

test("the timeline shows each attempt with its reply and its phases", async t => {
  const rules = ['p3@*: defer 451 4.7.1 "greylisted, come back" times 1'];
  const campaign = await Campaign.start(t, { recipients: people(8), rules, retries: 1 });
  const visit = await Visit.start(t, campaign.url);
  await untilOver(visit.page);
  await visit.go(PLACES.recipients);
  await openRecipient(visit.page, "p3@icloud.com");
  const shown = await attempts(visit.page);
  assert.equal(shown.length, 2);
  assert.match(shown[0], /451.*4\.7\.1.*greylisted, come back/s);
  assert.match(shown[1], /250/);
  for (const text of shown) {
    assert.match(text, /\d ms/, "the phases have their times");
  }
  const address = visit.page.url();
  await visit.page.reload();
  assert.equal((await attempts(visit.page)).length, 2, `${address} can be opened by itself`);
  visit.assertClean();
});

test("whoever waits for another try is told when it comes", async t => {
  const rules = ['*: defer 451 4.7.1 "not now"'];
  const campaign = await Campaign.start(t, { recipients: people(1), rules, retries: 3 });
  const visit = await Visit.start(t, campaign.url);
  await untilFigures(visit.page, "a wait", ({ retry }) => retry === 1);
  await visit.go(PLACES.recipients);
  await openRecipient(visit.page, "p0@gmail.com");
  await visit.page
    .getByText(/Next: another try at \d{4}-\d\d-\d\d/)
    .last()
    .waitFor();
  visit.assertClean();
});

test("the message is shown as it was rendered, and nothing in it runs or asks another host", async t => {
  const canary = await Canary.start(t);
  const campaign = await Campaign.start(t, { recipients: people(2), template: letter(canary.url) });
  const visit = await Visit.start(t, campaign.url);
  await untilOver(visit.page);
  await visit.go(PLACES.recipients);
  await openRecipient(visit.page, "p1@outlook.com");
  const { element, frame } = preview(visit.page);
  await frame.getByText("Hello Person 1").waitFor();
  const sandbox = await element.getAttribute("sandbox");
  assert.ok(sandbox !== null && !sandbox.includes("allow-"), `sandbox is ${sandbox}`);
  visit.assertHome();
  await stays("the connections to another host", () => canary.connections, 0, CANARY_WATCHED_S);
});

/** A letter that tries to run and to call home. @param {string} elsewhere */
function letter(elsewhere) {
  return `<!doctype html>
<html><head>
<base href="${elsewhere}/">
<meta http-equiv="refresh" content="0;url=${elsewhere}/refresh">
<link rel="stylesheet" href="${elsewhere}/link.css">
<link rel="preconnect" href="${elsewhere}">
<link rel="prefetch" href="${elsewhere}/prefetch">
<link rel="icon" href="${elsewhere}/icon">
<style>@import url(${elsewhere}/import.css); body { background: url(${elsewhere}/background) }
@font-face { font-family: f; src: url(${elsewhere}/font) } p { font-family: f }</style>
<script src="${elsewhere}/script.js"></script>
<script>window.__xss?.("script"); fetch("${elsewhere}/fetch")</script>
</head><body onload="__xss('onload')">
<h1>Hello {{.name}}</h1>
<img src="${elsewhere}/open.gif" onerror="__xss('onerror')">
<img srcset="${elsewhere}/set.gif 2x" src="relative.gif">
<svg><image href="${elsewhere}/svg.png"/><script>__xss("svg")</script></svg>
<iframe src="${elsewhere}/frame"></iframe><object data="${elsewhere}/object"></object><embed src="${elsewhere}/embed">
<video src="${elsewhere}/video" poster="${elsewhere}/poster" autoplay></video><audio src="${elsewhere}/audio" autoplay></audio>
<form action="${elsewhere}/form"><input autofocus onfocus="__xss('focus')"><button>send</button></form>
<a href="${elsewhere}/link" ping="${elsewhere}/ping">read on</a>
</body></html>
`;
}
