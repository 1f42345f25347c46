/** A real service: the real sink, and the real `glasspost serve` that relays to it. */

import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";

import { Program } from "./program.mjs";
import { Sink } from "./sink.mjs";
import { until } from "./wait.mjs";

/**
 * What a test may say of its service.
 *
 * @typedef {object} Plan
 * @property {string[]} [rules] the sink's
 * @property {string[]} [settings] the service's, as `--set` takes them
 */

/**
 * A message as an application hands it over; what is not said is filled in.
 *
 * @typedef {{ id: string, tenant_id: string, account_id: string, to: string[], [field: string]: unknown }} Mail
 */

/** Where it listens at first: on a port that the system chooses. */
const ANY_PORT = "127.0.0.1:0";

export class Service {
  /**
   * @param {string} folder
   * @param {Sink} sink
   * @param {string[]} settings
   */
  constructor(folder, sink, settings) {
    this.folder = folder;
    this.sink = sink;
    this.settings = settings;
    this.url = `http://${ANY_PORT}/`;
    this.token = "";
    /** @type {Program | undefined} */
    this.program = undefined;
  }

  /**
   * Starts one; it ends with the test.
   *
   * @param {import("node:test").TestContext} test
   * @param {Plan} [plan]
   */
  static async start(test, { rules = [], settings = [] } = {}) {
    const folder = await mkdtemp(`${tmpdir()}/glasspost-browser-`);
    const sink = await Sink.start(folder, rules);
    const service = new Service(folder, sink, settings);
    test.after(async () => {
      await service.stop();
      await sink.stop();
      await rm(folder, { recursive: true, force: true });
    });
    await service.run();
    return service;
  }

  /** Starts it at its address, with what it has on its disk. */
  async run() {
    const settings = this.settings.flatMap(setting => ["--set", setting]);
    this.program = new Program(["serve", "--listen", new URL(this.url).host, ...settings], this.folder);
    const url = await this.program.prints(/Listening on (http:\S+)\n/);
    this.url = new URL(url).href;
    this.token = (await readFile(`${this.folder}/data/admin.token`, "utf8")).trim();
  }

  async stop() {
    await this.program?.stop();
  }

  // === what the operator and the applications do ===

  /**
   * What the service answers to a request of the operator's.
   *
   * @param {string} path below its address, without a slash at its beginning
   * @param {object} [body] makes it a POST
   */
  async ask(path, body) {
    const headers = { "X-API-Token": this.token, "Content-Type": "application/json" };
    const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const answer = await fetch(this.url + path, { headers, ...options });
    if (!answer.ok) {
      throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    }
    return /** @type {Promise<Record<string, any>>} */ (answer.json());
  }

  /**
   * Adds a tenant.
   *
   * @param {string} id
   * @param {string} name
   * @param {object} [more] fields of the tenant
   */
  async tenant(id, name, more = {}) {
    await this.ask("tenant", { id, name, ...more });
  }

  /**
   * Adds an account that relays to the sink, unless `more` says otherwise.
   *
   * @param {string} tenant
   * @param {string} id
   * @param {object} [more] fields of the account
   */
  async account(tenant, id, more = {}) {
    const relay = { host: "127.0.0.1", port: this.sink.port, use_tls: false };
    await this.ask("account", { id, tenant_id: tenant, ...relay, ...more });
  }

  /**
   * Hands messages over; all of them must be taken.
   *
   * @param {Mail[]} mail
   */
  async send(mail) {
    const messages = mail.map(message => ({
      from: "The Glasshouse <letter@glasshouse.example>",
      subject: `About ${message.id}`,
      body: "News from the glasshouse.\n",
      ...message,
    }));
    const { queued, rejected } = await this.ask("commands/add-messages", { messages });
    if (queued !== mail.length) {
      throw new Error(`${queued} of ${mail.length} messages were taken: ${JSON.stringify(rejected)}`);
    }
  }

  // === what it says of itself ===

  /** @returns {Promise<Record<string, any>>} what `GET /api/traffic` says */
  async traffic() {
    return this.ask("api/traffic");
  }

  /**
   * The id of a submission, by its client's id.
   *
   * @param {string} id
   * @returns {Promise<string>}
   */
  async pk(id) {
    const { submissions } = await this.ask(`api/submissions?search=${encodeURIComponent(id)}`);
    const found = submissions.find((/** @type {{ id: string }} */ submission) => submission.id === id);
    return found.pk;
  }

  /**
   * The figures of `GET /metrics`, each the sum of its series.
   *
   * @returns {Promise<Map<string, number>>}
   */
  async metrics() {
    const text = await (await fetch(`${this.url}metrics`)).text();
    const sums = new Map();
    for (const [, name, value] of text.matchAll(/^([a-z_]+)(?:\{.*\})? (\S+)$/gm)) {
      sums.set(name, (sums.get(name) ?? 0) + Number(value));
    }
    return sums;
  }

  /**
   * Waits until its traffic is as it should be, and gives it.
   *
   * @param {string} what
   * @param {(traffic: Record<string, any>) => boolean} condition
   */
  async untilTraffic(what, condition) {
    const look = async () => {
      const traffic = await this.traffic();
      return condition(traffic) && traffic;
    };
    return until(`traffic: ${what}`, look, 30, 100);
  }
}

/** A port at which nobody listens: it was free a moment ago. */
export async function deadPort() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  server.close();
  await once(server, "close");
  return port;
}
