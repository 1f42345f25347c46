/** A program that runs beside the test and never outlives it. */

import { spawn } from "node:child_process";
import { once } from "node:events";

import { until } from "./wait.mjs";

/** How long a program may take to end after it was asked to, before it is killed. */
const END_PATIENCE_MS = 5_000;

/** The binary under test; `run.sh` says which. */
export const GLASSPOST = process.env.GLASSPOST_BIN ?? "";

/** A program that was started. */
export class Program {
  /** What it printed, both ways. */
  output = "";

  /**
   * Starts `glasspost` in a folder that is also its home.
   *
   * @param {string[]} args
   * @param {string} folder
   */
  constructor(args, folder) {
    this.name = `glasspost ${args.join(" ")}`;
    // It ends with the test also when that is killed.
    this.child = spawn("setpriv", ["--pdeathsig", "TERM", "--", GLASSPOST, ...args], {
      cwd: folder,
      env: { PATH: "/usr/bin:/bin", HOME: folder, GLASSPOST_DATA: `${folder}/data` },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding("utf8").on("data", text => (this.output += text));
    }
    this.exit = once(this.child, "exit").then(([code]) => /** @type {number | null} */ (code));
    // Whoever waits for the exit hears of it; without anybody it is no accident of the test run.
    this.exit.catch(() => {});
  }

  /** @returns {boolean} whether it has ended */
  hasEnded() {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /**
   * Waits until it has printed something.
   *
   * @param {RegExp} pattern with one group
   * @returns {Promise<string>} what the group matched
   */
  async prints(pattern) {
    return until(`${pattern} from ${this.name}`, () => {
      const found = this.output.match(pattern)?.[1];
      if (found === undefined && this.hasEnded()) {
        throw new Error(`${this.name} has ended:\n${this.output}`);
      }
      return found;
    });
  }

  /** Asks it to end, then kills it. */
  async stop() {
    if (this.hasEnded()) {
      return;
    }
    this.child.kill("SIGTERM");
    const deadline = setTimeout(() => this.child.kill("SIGKILL"), END_PATIENCE_MS);
    await this.exit;
    clearTimeout(deadline);
  }
}
