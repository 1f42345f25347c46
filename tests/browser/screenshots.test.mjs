/** A picture of each page, for a person to look at: in light and dark, and on a phone. */

import { test } from "node:test";

import { Campaign, people } from "./harness/campaign.mjs";
import { everyPlace, untilFigures } from "./harness/dashboard.mjs";
import { Visit } from "./harness/visit.mjs";

/** Where the pictures go; `run.sh` says it. */
const FOLDER = process.env.SCREENSHOTS ?? "";

const RULES = [
  'p*1@*: refuse 550 5.1.1 "no such user here"',
  'p*2@gmail.com: refuse-after-data 554 5.7.1 "this looks like spam to us"',
  'p*3@*: defer 451 4.7.1 "greylisted, try again in a moment" times 1',
  'p*4@*: defer 452 4.2.2 "the mailbox is full"',
];

test("pictures of every page", async t => {
  const campaign = await Campaign.start(t, {
    recipients: people(900),
    rules: RULES,
    rate: 60,
    retries: 2,
    name: "The Glasshouse, spring letter",
  });
  // High enough for a letter to be in sight: a browser draws no frame that is not.
  const looks = /** @type {const} */ ([
    { scheme: "light", width: 1280, height: 1400 },
    { scheme: "dark", width: 1280, height: 1400 },
    { scheme: "light", width: 360, height: 2000 },
    { scheme: "dark", width: 360, height: 2000 },
  ]);
  for (const look of looks) {
    const visit = await Visit.start(t, campaign.url, look);
    await untilFigures(visit.page, "retries have begun", ({ sent, failed }) => sent > 200 && failed > 20);
    for (const [name, place] of await everyPlace(campaign, "p3@icloud.com")) {
      await visit.go(place);
      await visit.page.screenshot({
        path: `${FOLDER}/${name}-${look.scheme}-${look.width}.png`,
        fullPage: true,
      });
    }
    visit.assertClean();
  }
});
