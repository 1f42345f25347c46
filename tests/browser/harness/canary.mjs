/** Another host: a server that nobody has a reason to ask. Whatever reaches it has left the dashboard. */

import { once } from "node:events";
import { createServer } from "node:net";

export class Canary {
  /** How many connections reached it. */
  connections = 0;

  /** @param {number} port */
  constructor(port) {
    /** Its address, without a slash at its end. */
    this.url = `http://127.0.0.1:${port}`;
  }

  /** @param {import("node:test").TestContext} test */
  static async start(test) {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    test.after(() => server.close());
    const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
    const canary = new Canary(port);
    server.on("connection", socket => {
      canary.connections += 1;
      socket.destroy();
    });
    return canary;
  }
}
