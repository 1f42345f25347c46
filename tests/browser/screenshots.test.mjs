/** A picture of each page, for a person to look at: in light and dark, and on a phone. */

import { test } from "node:test";

import { Campaign, people } from "./harness/campaign.mjs";
import { everyPlace, untilFigures } from "./harness/dashboard.mjs";
import { openOperation, visitDocs } from "./harness/docs.mjs";
import { everyOutcome, orders, serviceWithAccounts } from "./harness/outcomes.mjs";
import * as traffic from "./harness/traffic.mjs";
import { Visit } from "./harness/visit.mjs";

/** Where the pictures go; `run.sh` says it. */
const FOLDER = process.env.SCREENSHOTS ?? "";

const RULES = [
  'p*1@*: refuse 550 5.1.1 "no such user here"',
  'p*2@gmail.com: refuse-after-data 554 5.7.1 "this looks like spam to us"',
  'p*3@*: defer 451 4.7.1 "greylisted, try again in a moment" times 1',
  'p*4@*: defer 452 4.2.2 "the mailbox is full"',
];

/** Messages handed over, second by second. */
const ORDERED = [90, 60, 120, 80, 140, 50];

/** Height of a usual screen. */
const SCREEN_PX = 800;

/** High enough for a letter to be in sight: a browser draws no frame that is not. */
const LOOKS = /** @type {const} */ ([
  { scheme: "light", width: 1280, height: 1400 },
  { scheme: "dark", width: 1280, height: 1400 },
  { scheme: "light", width: 360, height: 2000 },
  { scheme: "dark", width: 360, height: 2000 },
]);

test("pictures of every page", async t => {
  const campaign = await Campaign.start(t, {
    recipients: people(900),
    rules: RULES,
    rate: 60,
    retries: 2,
    name: "The Glasshouse, spring letter",
  });
  for (const look of LOOKS) {
    const visit = await Visit.start(t, campaign.url, look);
    await untilFigures(visit.page, "retries have begun", ({ sent, failed }) => sent > 200 && failed > 20);
    for (const [name, place] of await everyPlace(campaign, "p3@icloud.com")) {
      await visit.go(place);
      await picture(visit, name, look);
    }
    visit.assertClean();
  }
});

test("pictures of every page of the service", async t => {
  const service = await serviceWithAccounts(t);
  let ordered = 0;
  for (const size of ORDERED) {
    const { at } = await service.traffic();
    await service.send(orders(ordered, size));
    ordered += size;
    await service.untilTraffic("another second", now => second(now.at) !== second(at));
  }
  await everyOutcome(service, ordered);
  const message = await traffic.placeOf(service, "full-0");
  for (const { scheme, width } of LOOKS) {
    const look = { scheme, width, height: SCREEN_PX };
    const visit = await traffic.visit(t, service, look);
    await picture(visit, "service-traffic", look);
    await visit.page.getByTestId("by-tenant").click();
    await visit.page.getByTestId("tenant-row").first().waitFor();
    await picture(visit, "service-tenants", look);
    await visit.go(traffic.PLACES.messages);
    await picture(visit, "service-messages", look);
    await visit.go(traffic.PLACES.statistics);
    await picture(visit, "service-statistics", look);
    await visit.go(traffic.PLACES.nodes);
    await visit.page.getByTestId("work-row").first().waitFor();
    await picture(visit, "service-nodes", look);
    await visit.go(message);
    await picture(visit, "service-message", look);
    visit.assertClean();
    const docs = await visitDocs(t, service, look);
    await docs.page.getByRole("searchbox", { name: "Find" }).fill("post commands");
    await openOperation(docs.page, "POST /commands/add-messages");
    await picture(docs, "service-docs", look);
    docs.assertClean();
  }
});

/**
 * The second of a moment.
 *
 * @param {string} at
 */
function second(at) {
  return Math.floor(Date.parse(at) / 1000);
}

/**
 * Takes a picture of the page, from its top to its end.
 *
 * @param {Visit} visit
 * @param {string} name
 * @param {Pick<typeof LOOKS[number], "scheme" | "width">} look
 */
async function picture({ page }, name, { scheme, width }) {
  await page.screenshot({ path: `${FOLDER}/${name}-${scheme}-${width}.png`, fullPage: true });
}
