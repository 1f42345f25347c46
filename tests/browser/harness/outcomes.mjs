/** Mail of three tenants with every outcome there is, and the books that must come of it. */

import { startApplication } from "./application.mjs";
import { Service, deadPort } from "./service.mjs";

/** The sink's rules, by the first letters of an address. */
const RULES = [
  'nobody*@*: refuse 550 5.1.1 "no such user here"',
  'slow*@*: defer 451 4.7.1 "greylisted, try again in a moment" times 1',
  'full*@*: defer 452 4.2.2 "the mailbox is full"',
];
/** The second try is soon, the third after every test; tenants' applications are on this machine. */
const SETTINGS = ["delivery.retry_delays=1,3600", "attachments.private_targets=127.0.0.1"];

/** Messages of the account that may send so many in an hour. */
const BULK = 12;
const BULK_AN_HOUR = 5;
/** The same of the account that refuses what is too much. */
const STRICT = 4;
const STRICT_AN_HOUR = 2;
/** Messages of the account whose relay is not there. */
const DEAD = 3;

/** The batch that its tenant holds back. */
export const HELD_BATCH = "spring";

/**
 * What must have come of it: submissions, how often any was put off or met a limit, and the messages that arrived.
 *
 * @typedef {Record<"accepted" | "sent" | "errors" | "pending" | "deferred" | "rate_limited" | "delivered", number>} Books
 */

/**
 * A service with its tenants and accounts; nothing was handed over yet. The post office's relay and application are not
 * there.
 *
 * @param {import("node:test").TestContext} test
 */
export async function serviceWithAccounts(test) {
  const service = await Service.start(test, { rules: RULES, settings: SETTINGS });
  const application = await startApplication(test);
  await service.tenant("shop", "The Glasshouse Shop", { client_base_url: application });
  await service.tenant("press", "Reed & Brass Press", { client_base_url: application });
  await service.tenant("post", "Old Post Office", { client_base_url: `http://127.0.0.1:${await deadPort()}` });
  await service.account("shop", "orders");
  await service.account("shop", "letters");
  await service.account("press", "bulk", { limit_per_hour: BULK_AN_HOUR });
  await service.account("press", "strict", { limit_per_hour: STRICT_AN_HOUR, limit_behavior: "reject" });
  await service.account("post", "counter", { port: await deadPort() });
  await service.ask(`commands/suspend?tenant_id=shop&batch_code=${HELD_BATCH}`, {});
  return service;
}

/**
 * So many orders that arrive through two accounts, from a number on.
 *
 * @param {number} from
 * @param {number} count
 */
export function orders(from, count) {
  return numbers(count).map(index => {
    const number = from + index;
    const account_id = number % 3 === 0 ? "letters" : "orders";
    return order(`order-${number}`, [`p${number}@reed.example`], { account_id });
  });
}

/**
 * Hands over one kind of mail after the other, and waits until all is as it should be.
 *
 * @param {Service} service
 * @param {number} ordered orders that were handed over before and arrived
 * @returns {Promise<Books>}
 */
export async function everyOutcome(service, ordered) {
  const refused = numbers(4).map(number => order(`refused-${number}`, [`nobody${number}@brass.example`]));
  const slow = numbers(2).map(number => order(`slow-${number}`, [`slow${number}@brass.example`]));
  const full = numbers(2).map(number => order(`full-${number}`, [`full${number}@brass.example`]));
  const parted = order("parted", ["ada@reed.example", "nobody@reed.example"], { cc: ["grace@reed.example"] });
  const held = numbers(3).map(number =>
    order(`held-${number}`, [`held${number}@reed.example`], { batch_code: HELD_BATCH }),
  );
  await service.send([...refused, ...slow, ...full, parted, ...held]);
  await service.send(through("press", "bulk", BULK));
  await service.send(through("press", "strict", STRICT));
  await service.send(through("post", "counter", DEAD));

  const limited = BULK - BULK_AN_HOUR;
  const rejected = STRICT - STRICT_AN_HOUR;
  const sent = ordered + slow.length + BULK_AN_HOUR + STRICT_AN_HOUR;
  const books = {
    sent,
    errors: refused.length + 1 + rejected,
    pending: full.length + held.length + limited + DEAD,
    accepted: 0,
    rate_limited: limited + rejected,
    // Each mailbox that is full, and each message to the relay that is not there, was put off twice.
    deferred: slow.length + 2 * full.length + limited + 2 * DEAD,
  };
  books.accepted = books.sent + books.errors + books.pending;
  await service.untilTraffic(`the books are ${JSON.stringify(books)}`, ({ totals }) => {
    return Object.entries(books).every(([name, count]) => totals[name] === count);
  });
  return { ...books, delivered: sent + 2 };
}

/**
 * @param {string} id
 * @param {string[]} to
 * @param {object} [more]
 */
function order(id, to, more = {}) {
  return { id, tenant_id: "shop", account_id: "orders", to, ...more };
}

/**
 * @param {string} tenant
 * @param {string} account
 * @param {number} count
 */
function through(tenant, account, count) {
  return numbers(count).map(number => ({
    id: `${account}-${number}`,
    tenant_id: tenant,
    account_id: account,
    to: [`${account}${number}@reed.example`],
  }));
}

/** @param {number} count */
function numbers(count) {
  return [...Array(count).keys()];
}
