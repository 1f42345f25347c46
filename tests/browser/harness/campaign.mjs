/** A real campaign: the real sink, and the real `glasspost send --monitor` that sends to it. */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";

import { Program } from "./program.mjs";
import { Sink } from "./sink.mjs";

/**
 * What a test may say of its campaign.
 *
 * @typedef {object} Plan
 * @property {Record<string, string>[]} recipients the list's rows; each has an `email`
 * @property {string[]} [rules] the sink's
 * @property {string} [template] the HTML body
 * @property {string} [subject]
 * @property {string} [name]
 * @property {string} [listName] the list's file
 * @property {number} [rate] messages a second at most
 * @property {number} [concurrency] connections
 * @property {number} [retries] tries after the first
 */

/**
 * One line of `GET /api/recipients`.
 *
 * @typedef {{ email: string, status: string, attempts: number, error?: string }} RecipientStatus
 */

const TEMPLATE = `<!doctype html>
<h1>Hello {{.name}}</h1>
<p>News from the glasshouse, for {{.email}}.</p>
`;

const LIST = "list.csv";

/** How long the dashboard stays after the end: longer than any test looks at it. */
const LINGER = "10m";

const DOMAINS = ["gmail.com", "outlook.com", "yahoo.com", "icloud.com", "reed.example", "brass.example"];

/**
 * A list of so many people, spread over six domains: `p0@gmail.com`, `p1@outlook.com`, …
 *
 * @param {number} count
 */
export function people(count) {
  return Array.from({ length: count }, (_, number) => ({
    email: `p${number}@${DOMAINS[number % DOMAINS.length]}`,
    name: `Person ${number}`,
  }));
}

export class Campaign {
  /**
   * @param {string} folder
   * @param {Sink} sink
   * @param {Program} send
   * @param {string} url of the dashboard, with a slash at its end
   */
  constructor(folder, sink, send, url) {
    this.folder = folder;
    this.sink = sink;
    this.send = send;
    this.url = url;
  }

  /**
   * Starts one; it ends with the test.
   *
   * @param {import("node:test").TestContext} test
   * @param {Plan} plan
   */
  static async start(test, plan) {
    const folder = await mkdtemp(`${tmpdir()}/glasspost-browser-`);
    test.after(() => rm(folder, { recursive: true, force: true }));
    const sink = await Sink.start(folder, plan.rules ?? []);
    test.after(() => sink.stop());
    await writeFiles(folder, sink.port, plan);
    const send = new Program(["send", ...flags(plan)], folder);
    test.after(() => send.stop());
    const url = await send.prints(/Monitor dashboard: (http:\S+)/);
    return new Campaign(folder, sink, send, new URL(url).href);
  }

  /**
   * What the dashboard's server answers to a request.
   *
   * @param {string} path below its address, without a slash at its beginning
   */
  async get(path) {
    const answer = await fetch(this.url + path);
    if (!answer.ok) {
      throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    }
    return answer;
  }

  /** @returns {Promise<Record<string, any>>} what `GET /api/status` says */
  async status() {
    return /** @type {any} */ (await (await this.get("api/status")).json());
  }

  /** @returns {Promise<RecipientStatus[]>} what `GET /api/recipients` says */
  async recipients() {
    return /** @type {any} */ (await (await this.get("api/recipients")).json());
  }

  /**
   * The figures of `GET /metrics` that have no labels.
   *
   * @returns {Promise<Map<string, number>>}
   */
  async metrics() {
    const text = await (await this.get("metrics")).text();
    const samples = text.matchAll(/^([a-z_]+) (\S+)$/gm);
    return new Map([...samples].map(([, name, value]) => [String(name), Number(value)]));
  }

  /** How many lines `success.csv` and `failed.csv` have; a file that is not there has none. */
  async account() {
    const lines = async (/** @type {string} */ name) => {
      const text = await readFile(`${this.folder}/${name}`, "utf8").catch(() => "");
      return text.split("\n").filter(line => line !== "").length;
    };
    return { success: await lines("success.csv"), failed: await lines("failed.csv") };
  }
}

/**
 * @param {string} folder
 * @param {number} port the sink's
 * @param {Plan} plan
 */
async function writeFiles(folder, port, plan) {
  const smtp = { host: "127.0.0.1", port, from: "The Glasshouse <letter@glasshouse.example>" };
  await writeFile(`${folder}/config.json`, JSON.stringify({ smtp }));
  await writeFile(`${folder}/letter.html`, plan.template ?? TEMPLATE);
  await writeFile(`${folder}/${plan.listName ?? LIST}`, csv(plan.recipients));
}

/** @param {Record<string, string>[]} rows with the same keys */
function csv(rows) {
  const columns = Object.keys(rows[0] ?? {});
  const lines = rows.map(row => columns.map(column => quoted(row[column] ?? "")).join(","));
  return [columns.join(","), ...lines, ""].join("\n");
}

/** @param {string} cell */
function quoted(cell) {
  return `"${cell.replaceAll('"', '""')}"`;
}

/** @param {Plan} plan */
function flags(plan) {
  const { subject = "News for {{.name}}", listName = LIST, rate, name, concurrency = 4, retries = 0 } = plan;
  const always = ["--env", "config.json", "--csv", listName, "--template", "letter.html"];
  const watched = ["--monitor", "--monitor-port", "0", "--monitor-linger", LINGER];
  const paced = ["--concurrency", String(concurrency), "--retries", String(retries)];
  return [
    ...always,
    ...watched,
    ...paced,
    `--subject=${subject}`,
    ...(rate === undefined ? [] : ["--rate", String(rate)]),
    ...(name === undefined ? [] : [`--name=${name}`]),
  ];
}
