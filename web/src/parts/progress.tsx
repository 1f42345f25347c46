// How far the run has come: a bar cut into the five statuses, and each with its number.
import { hasEnded } from "../api/stream";
import type { Figures, Status } from "../api/types";
import { count, percent } from "../format";
import { href } from "../route";
import { Tile } from "./tile";

/** In the order of a message's life, what is done first. */
function parts(figures: Figures): [Status, number][] {
  return [
    ["sent", figures.sent_count],
    ["failed", figures.failed_count],
    ["sending", figures.sending_count],
    ["retry", figures.retry_count],
    ["pending", figures.pending_count],
  ];
}

export function Progress({ figures }: { figures: Figures }) {
  const total = figures.total_recipients;
  const shown = parts(figures);
  const done = figures.sent_count + figures.failed_count;
  const shares =
    figures.cancelled_count > 0 ? [...shown, ["cancelled", figures.cancelled_count] as const] : shown;
  return (
    <section class="card progress" aria-labelledby="progress-title">
      <div class="progress-head">
        <h2 id="progress-title">
          <span class="huge">{percent(done, total)}</span> done
        </h2>
        <p>
          <b class="stat-value" data-testid="stat-total" data-value={total}>
            {count(total)}
          </b>{" "}
          {total === 1 ? "message" : "messages"} in total
          {!figures.list_complete && !hasEnded(figures.stage) && (
            <span class="faint"> so far, the list is still being read</span>
          )}
          {figures.repeat_count > 0 && (
            <span class="faint">, {count(figures.repeat_count)} of them second tries</span>
          )}
        </p>
      </div>
      <div
        class="segmented"
        role="progressbar"
        aria-label="Messages that are final"
        aria-valuemin={0}
        aria-valuemax={total}
        aria-valuenow={done}
        aria-valuetext={`${count(done)} of ${count(total)}`}
      >
        {shown.map(([status, number]) => (
          <span
            key={status}
            class={`is-${status}`}
            hidden={number === 0}
            style={{ flexGrow: String(number / Math.max(1, total)) }}
          />
        ))}
      </div>
      <ul class="statuses">
        {shares.map(([status, number]) => (
          <Tile
            key={status}
            status={status}
            number={number}
            note={status === "cancelled" ? "beside the total" : percent(number, total)}
            link={href(["recipients"], { status })}
          />
        ))}
      </ul>
    </section>
  );
}
