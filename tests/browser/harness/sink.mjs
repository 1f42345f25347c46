/** The real receiver, `glasspost sink`: it does what its rules say and keeps an exact record. */

import { readFile, writeFile } from "node:fs/promises";

import { Program } from "./program.mjs";

const RECORD = "sink-record.jsonl";
const RULES = "sink-rules.txt";

export class Sink {
  /**
   * @param {Program} program
   * @param {string} folder
   * @param {number} port
   */
  constructor(program, folder, port) {
    this.program = program;
    this.folder = folder;
    this.port = port;
  }

  /**
   * @param {string} folder where it keeps its record
   * @param {string[]} rules as `glasspost sink --help` explains them
   */
  static async start(folder, rules) {
    await writeFile(`${folder}/${RULES}`, rules.join("\n") + "\n");
    const args = ["sink", "--listen", "127.0.0.1:0", "--record", RECORD, "--rules", RULES];
    const program = new Program(args, folder);
    const port = await program.prints(/listening on 127\.0\.0\.1:(\d+)\n/);
    return new Sink(program, folder, Number(port));
  }

  /** The recipients of every message it accepted until now, in their order. */
  async recipients() {
    const record = await readFile(`${this.folder}/${RECORD}`, "utf8");
    const lines = record.split("\n").slice(0, -1);
    return lines.flatMap(line => /** @type {string[]} */ (JSON.parse(line).recipients));
  }

  /** How many messages it accepted until now. */
  async count() {
    return (await this.recipients()).length;
  }

  async stop() {
    await this.program.stop();
  }
}
