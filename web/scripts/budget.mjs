// Fails the build when the JavaScript sent to the browser is more than it may be.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BYTES_MAX = 60 * 1024;
const folder = new URL("../dist/assets/", import.meta.url);

const bytes = readdirSync(folder)
  .filter(name => name.endsWith(".js"))
  .map(name => gzipSync(readFileSync(new URL(name, folder)), { level: 9 }).length)
  .reduce((sum, size) => sum + size, 0);

console.log(`JavaScript: ${bytes} bytes compressed, of ${BYTES_MAX} allowed`);
if (bytes > BYTES_MAX) {
  console.error("too much JavaScript: take something out before the build can pass");
  process.exitCode = 1;
}
