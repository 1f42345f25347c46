/** Everybody can use every page: axe finds nothing grave, the keyboard reaches everything, a phone is wide enough. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { AXE, PHONE_PX, graveFindings, graveFindingsInEveryLook } from "./harness/accessibility.mjs";
import { Campaign, people } from "./harness/campaign.mjs";
import { askFor, everyPlace, figures, tabTo, untilFigures, untilOver } from "./harness/dashboard.mjs";
import { everyOutcome, orders, serviceWithAccounts } from "./harness/outcomes.mjs";
import * as traffic from "./harness/traffic.mjs";
import { Visit } from "./harness/visit.mjs";

const RULES = ['p*3@*: refuse 550 5.1.1 "no such user"', 'p*4@*: defer 451 4.7.1 "greylisted" times 1'];

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

test("axe finds nothing grave on any page of the service, and none is wider than a phone", async t => {
  const service = await serviceWithAccounts(t);
  await service.send(orders(0, 60));
  await everyOutcome(service, 60);
  const visit = await traffic.visit(t, service, { script: AXE });
  const { page } = visit;
  /** @type {string[]} */
  const findings = [];
  const look = async (/** @type {string} */ name) => {
    findings.push(...(await graveFindingsInEveryLook(page)).map(finding => `${name}, ${finding}`));
  };
  await look("traffic by account");
  await page.getByTestId("by-tenant").click();
  await service.ask("instance/suspend", {});
  await page.getByText("Sending is suspended").waitFor();
  await look("traffic by tenant, suspended");
  await visit.go(traffic.PLACES.messages);
  await look("messages");
  await visit.go(traffic.PLACES.statistics);
  await look("statistics");
  await visit.go(traffic.PLACES.nodes);
  await visit.page.getByTestId("work-row").first().waitFor();
  await look("nodes");
  await visit.go(await traffic.placeOf(service, "parted"));
  await page.getByRole("link", { name: "nobody@reed.example" }).click();
  await page.getByText("SMTP dialogue").click();
  await look("one message");
  assert.deepEqual(findings, []);
  visit.assertClean();
});

test("the keyboard reaches every part of the service's pages", async t => {
  const service = await serviceWithAccounts(t);
  await everyOutcome(service, 0);
  const visit = await traffic.visit(t, service);
  const { page } = visit;
  await tabTo(page, '[data-testid="by-tenant"]');
  await page.keyboard.press("Enter");
  await page.getByTestId("tenant-row").first().waitFor();
  await tabTo(page, 'input[type="search"]');
  await tabTo(page, '[data-testid="tenant-row"] a');
  await tabTo(page, 'nav a[href="#/messages"]');
  await page.keyboard.press("Enter");
  await page.getByTestId("submission-row").first().waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("parted");
  for (const field of ["filter-status", "filter-tenant", "filter-account"]) {
    await tabTo(page, `[data-testid="${field}"]`);
  }
  await traffic.untilRows(page, "the one", ([one]) => one?.id === "parted");
  await tabTo(page, '[data-testid="submission-row"] a');
  await page.keyboard.press("Enter");
  await page.getByTestId("timeline-step").first().waitFor();
  await tabTo(page, '[data-testid="recipient-row"]:nth-child(2) a');
  await page.keyboard.press("Enter");
  await page.getByText("SMTP dialogue").waitFor();
  await tabTo(page, ".dialogue summary");
  await page.keyboard.press("Enter");
  await tabTo(page, '[data-testid="dialogue"]');
  await tabTo(page, 'nav a[href="#/statistics"]');
  await page.keyboard.press("Enter");
  await page.getByTestId("statistics-row").first().waitFor();
  await tabTo(page, '[data-testid="span-months"]');
  await page.keyboard.press("Enter");
  for (const part of ['[data-testid="filter-tenant"]', '[data-testid="chart-outcomes"] button', "th button"]) {
    await tabTo(page, part);
  }
  visit.assertClean();
});
