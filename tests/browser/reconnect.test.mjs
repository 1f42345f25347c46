/** A dropped connection comes back by itself, and what was shown stays when there is nothing to come back to. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Campaign, people } from "./harness/campaign.mjs";
import {
  PLACES,
  figures,
  logLines,
  sum,
  untilConnection,
  untilFigures,
  untilOver,
} from "./harness/dashboard.mjs";
import { Proxy } from "./harness/proxy.mjs";
import { Visit } from "./harness/visit.mjs";

test("a dropped connection resumes without a gap and without a line twice", async t => {
  const campaign = await Campaign.start(t, { recipients: people(120), rate: 20 });
  const proxy = await Proxy.start(t, campaign.url);
  const visit = await Visit.start(t, proxy.url);
  for (const sent of [15, 60]) {
    const before = await untilFigures(visit.page, `${sent} are sent`, shown => shown.sent > sent);
    proxy.cut();
    await untilConnection(visit.page, "reconnecting");
    proxy.mend();
    await untilConnection(visit.page, "live");
    const after = await untilFigures(visit.page, "more are sent", shown => shown.sent > before.sent);
    assert.equal(sum(after), after.total);
  }
  const end = await untilOver(visit.page);
  assert.deepEqual([end.sent, end.total], [120, 120]);

  // The log is of the page that stayed open all the time.
  await visit.page.evaluate(place => (location.hash = place), PLACES.activity.hash);
  const lines = await logLines(visit.page);
  const sent = lines.flatMap(line => line.match(/Email (\S+): sent/)?.[1] ?? []);
  assert.equal(new Set(sent).size, 120, "a line is missing");
  assert.equal(sent.length, 120, "a line is shown twice");
  visit.assertHome();
});

test("the last picture stays when the dashboard has closed", async t => {
  const campaign = await Campaign.start(t, { recipients: people(40) });
  const visit = await Visit.start(t, campaign.url);
  const end = await untilOver(visit.page);
  await campaign.send.stop();
  await untilConnection(visit.page, "closed");
  assert.deepEqual(await figures(visit.page), end);
  visit.assertHome();
});
