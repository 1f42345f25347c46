// Whether what is shown is live. What has been received stays on the page when the dashboard closes.
import type { Connection } from "../api/stream";
import { span } from "../format";
import { connection, now } from "../state";

const WORDS: Record<Connection["state"], string> = {
  connecting: "connecting…",
  live: "live",
  reconnecting: "reconnecting…",
  closed: "ended",
};

export function ConnectionState() {
  const current = connection.value;
  const since = "since" in current ? span((now.value - current.since) / 1000) : null;
  return (
    <p class={`connection is-${current.state}`} data-testid="connection" data-value={current.state}>
      <span class="dot" aria-hidden="true" />
      <span>
        <span role="status">{WORDS[current.state]}</span>
        {current.state === "closed" && <span>: the dashboard closed {since} ago</span>}
      </span>
    </p>
  );
}
