/** A road to the dashboard that can be cut: a proxy of bytes. */

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Proxy {
  /** @type {Set<import("node:net").Socket>} */
  #sockets = new Set();
  #isCut = false;

  /** @param {number} port */
  constructor(port) {
    /** The dashboard's address on this road. */
    this.url = `http://127.0.0.1:${port}/`;
  }

  /**
   * @param {import("node:test").TestContext} test
   * @param {string} target the dashboard's own address
   */
  static async start(test, target) {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
    const proxy = new Proxy(port);
    server.on("connection", socket => proxy.#carry(socket, new URL(target)));
    test.after(() => {
      server.close();
      proxy.cut();
    });
    return proxy;
  }

  /** Resets every connection and refuses new ones. */
  cut() {
    this.#isCut = true;
    for (const socket of this.#sockets) {
      socket.resetAndDestroy();
    }
  }

  /** Takes connections again. */
  mend() {
    this.#isCut = false;
  }

  /**
   * @param {import("node:net").Socket} near
   * @param {URL} target
   */
  #carry(near, target) {
    if (this.#isCut) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(target.port), target.hostname);
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
  }
}
