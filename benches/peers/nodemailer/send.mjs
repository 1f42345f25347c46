// Sends one letter to everyone on a list through Nodemailer's pool, and keeps nothing.
// Arguments: port, "plain" or "starttls", connections, list, letter.

import { readFileSync } from "node:fs";
import { createTransport } from "nodemailer";

const [port, tls, connections, list, letterFile] = process.argv.slice(2);
const letter = readFileSync(letterFile, "utf8");

// The receiver signs its own certificate.
const security = {
  plain: { ignoreTLS: true },
  starttls: { requireTLS: true, tls: { rejectUnauthorized: false } },
}[tls];

const transport = createTransport({
  host: "127.0.0.1",
  port: Number(port),
  ...security,
  pool: true,
  maxConnections: Number(connections),
  // Without this a connection ends after 100 messages; those compared with it keep theirs.
  maxMessages: Infinity,
});

function message(row) {
  const [email, name, plan] = row.split(",");
  const html = letter
    .replaceAll("{{.email}}", email)
    .replaceAll("{{.name}}", name)
    .replaceAll("{{.plan}}", plan);
  return { from: "News <news@example.org>", to: email, subject: `News for ${name}`, html };
}

const rows = readFileSync(list, "utf8").trim().split("\n").slice(1);
let taken = 0;

async function sendRows() {
  while (taken < rows.length) {
    const row = rows[taken];
    taken += 1;
    await transport.sendMail(message(row.trim()));
  }
}

// Two for each connection, so that a message always waits for one that gets free.
await Promise.all(Array.from({ length: 2 * Number(connections) }, sendRows));
transport.close();
