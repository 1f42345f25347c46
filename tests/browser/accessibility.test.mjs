/** Everybody can use every page: axe finds nothing grave, the keyboard reaches everything, a phone is wide enough. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { AXE, graveFindings } from "./harness/accessibility.mjs";
import { Campaign, people } from "./harness/campaign.mjs";
import { askFor, everyPlace, figures, tabTo, untilFigures, untilOver } from "./harness/dashboard.mjs";
import { Visit } from "./harness/visit.mjs";

const RULES = ['p*3@*: refuse 550 5.1.1 "no such user"', 'p*4@*: defer 451 4.7.1 "greylisted" times 1'];

/** A phone of today's smallest kind. */
const PHONE_PX = 360;

for (const scheme of /** @type {const} */ (["light", "dark"])) {
  test(`axe finds nothing grave on any page in ${scheme}`, async t => {
    const campaign = await Campaign.start(t, { recipients: people(60), rules: RULES, retries: 1 });
    const visit = await Visit.start(t, campaign.url, { scheme, script: AXE });
    await untilOver(visit.page);
    const findings = [];
    for (const [name, place] of await everyPlace(campaign, "p3@icloud.com")) {
      await visit.go(place);
      findings.push(...(await graveFindings(visit.page)).map(finding => `${name}: ${finding}`));
    }
    assert.deepEqual(findings, []);
    visit.assertClean();
  });
}

test("axe finds nothing grave in the dialog that asks first", async t => {
  const campaign = await Campaign.start(t, { recipients: people(400), rate: 20 });
  const visit = await Visit.start(t, campaign.url, { script: AXE });
  await askFor(visit.page, "cancel");
  assert.deepEqual(await graveFindings(visit.page), []);
  visit.assertClean();
});

test("the keyboard reaches the navigation, the controls, the filters and the table", async t => {
  const campaign = await Campaign.start(t, { recipients: people(400), rules: RULES, rate: 20 });
  const visit = await Visit.start(t, campaign.url);
  await untilFigures(visit.page, "some failed", ({ failed }) => failed > 0);
  await tabTo(visit.page, '[data-testid="control-pause"]');
  await tabTo(visit.page, 'nav a[href="#/recipients"]');
  await visit.page.keyboard.press("Enter");
  await visit.page.getByTestId("recipient-row").first().waitFor();
  await tabTo(visit.page, 'input[type="search"]');
  await tabTo(visit.page, '[data-testid="recipient-row"] a');
  await visit.page.keyboard.press("Enter");
  await visit.page.getByTestId("timeline-step").first().waitFor();
  visit.assertClean();
});

test("the dialog keeps the focus, and Escape closes it", async t => {
  const campaign = await Campaign.start(t, { recipients: people(400), rate: 20 });
  const visit = await Visit.start(t, campaign.url);
  await tabTo(visit.page, '[data-testid="control-pause"]');
  await visit.page.keyboard.press("Enter");
  const dialog = visit.page.getByRole("dialog");
  await dialog.waitFor();
  for (let step = 0; step < 8; step += 1) {
    const place = await visit.page.evaluate(() => {
      const { activeElement } = document;
      // The browser's own buttons come between the last and the first one of the page.
      return activeElement === document.body || activeElement?.closest("dialog, [role=dialog]") !== null;
    });
    assert.ok(place, `after ${step} steps the focus is behind the dialog`);
    await visit.page.keyboard.press("Tab");
  }
  await visit.page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  const back = await visit.page.evaluate(() => document.activeElement?.getAttribute("data-testid"));
  assert.equal(back, "control-pause", "the focus is not where it was before the dialog");
  assert.equal((await figures(visit.page)).stage, "sending");
  visit.assertClean();
});

test("no page is wider than a phone", async t => {
  const campaign = await Campaign.start(t, { recipients: people(60), rules: RULES, retries: 1 });
  const visit = await Visit.start(t, campaign.url, { width: PHONE_PX });
  await untilOver(visit.page);
  for (const [name, place] of await everyPlace(campaign, "p3@icloud.com")) {
    await visit.go(place);
    const width = await visit.page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= PHONE_PX, `${name} is ${width} px wide`);
  }
  visit.assertClean();
});
