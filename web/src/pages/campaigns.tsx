// Every run that the store knows, the newest first, with its books.
import * as client from "../api/client";
import type { Books, Run } from "../api/types";
import { count, dateTime, percent, span } from "../format";
import { useAnswer } from "../parts/answer";
import { Bar } from "../parts/bar";
import { Table, type Column } from "../parts/table";
import { href } from "../route";
import { isOver } from "../state";

const REFRESH_MS = 5000;

/** Bounced, expired or dropped. */
function failed(books: Books): number {
  return books.bounced + books.expired + books.dropped;
}

function took(run: Run): string {
  if (run.finished_at === null) return run.watched ? "under way" : "not finished";
  return span((Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000);
}

function link(run: Run): string {
  return href(["recipients"], { job: run.watched ? undefined : run.job_id });
}

function books(title: string, of: (books: Books) => number): Column<Run> {
  return { title, isNumber: true, sortBy: run => of(run.books), cell: run => count(of(run.books)) };
}

const COLUMNS: Column<Run>[] = [
  {
    title: "Run",
    cell: run => (
      <span class="run-cell">
        <a href={link(run)}>{run.name ?? run.job_id}</a>
        {run.watched && <span class="badge is-sending">Watched</span>}
        {run.name && <code class="faint">{run.job_id}</code>}
      </span>
    ),
  },
  { title: "Started", class: "whole", sortBy: run => run.started_at, cell: run => dateTime(run.started_at) },
  { title: "Took", class: "whole", cell: took },
  books("Accepted", all => all.accepted),
  books("Delivered", all => all.delivered),
  books("Failed", failed),
  books("Queued", all => all.queued),
  books("Cancelled", all => all.cancelled),
  {
    title: "Share",
    class: "wide",
    cell: ({ books: { accepted, delivered } }) => (
      <Bar part={accepted === 0 ? 0 : delivered / accepted} text={percent(delivered, accepted)} />
    ),
  },
];

export function Campaigns() {
  const answer = useAnswer(client.campaigns, [], isOver.value ? null : REFRESH_MS);
  const { value, error } = answer.value;
  return (
    <>
      <h1>Campaigns</h1>
      <section class="card" aria-label="Runs">
        {error && value === null && <p class="empty">{error}</p>}
        {value && (
          <Table
            caption="Runs, newest first"
            columns={COLUMNS}
            rows={value.campaigns}
            keyOf={run => run.job_id}
            linkOf={link}
            testid="campaign-row"
            empty="No run yet."
          />
        )}
      </section>
    </>
  );
}
