/** A tenant's own application: it takes every report of what became of its mail. */

import { once } from "node:events";
import { createServer } from "node:http";

/**
 * Starts one; it ends with the test.
 *
 * @param {import("node:test").TestContext} test
 * @returns {Promise<string>} its address
 */
export async function startApplication(test) {
  const server = createServer((request, answer) => {
    request.resume().on("end", () => {
      answer.setHeader("Content-Type", "application/json");
      answer.end('{"ok": true}');
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => server.close());
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return `http://127.0.0.1:${port}`;
}
