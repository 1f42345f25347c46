// Every recipient of a run: searched, filtered, a page at a time; the place is in the address and can be shared.
import * as client from "../api/client";
import type { Filled } from "../api/fill";
import type { Row } from "../api/types";
import { count, STATUSES, statusWord } from "../format";
import { Filters } from "../parts/filters";
import { cursorOf, searchOf, useListing } from "../parts/listing";
import { ListingCard } from "../parts/listing-card";
import { RecipientsTable } from "../parts/recipients-table";
import { href, route } from "../route";
import { isOver, watchedJob } from "../state";

const REFRESH_MS = 3000;
const FILTERS = ["search", "status", "domain", "code"] as const;
const FIELDS = [
  { name: "domain", label: "Domain", example: "example.com" },
  { name: "code", label: "Code", example: "550" },
] as const;

export function Recipients() {
  const { query } = route.value;
  const otherJob = query.get("job") ?? undefined;
  const againMs = otherJob || isOver.value ? null : REFRESH_MS;
  const job = otherJob ?? watchedJob.value;
  const listing = useListing(
    job === null
      ? null
      : (at, limit, signal) => client.messages(job, searchOf(query, FILTERS), at, limit, signal),
    cursorOf(query) ?? {},
    [job, query.toString()],
    againMs,
  );
  return (
    <>
      <div class="section-head">
        <h1>Recipients</h1>
        {otherJob && (
          <p>
            of <code>{otherJob}</code> · <a href={href(["recipients"])}>back to the watched run</a>
          </p>
        )}
      </div>
      <ListingCard
        label="Recipients"
        page="recipients"
        query={query}
        listing={listing.value}
        progress={progress}
        filters={
          <Filters
            page="recipients"
            query={query}
            label="Search addresses"
            statuses={STATUSES.map(status => [status, statusWord(status)] as const)}
            fields={FIELDS}
            kept={{ job: otherJob }}
          />
        }
        table={({ rows, isDone }) => (
          <RecipientsTable
            caption="Recipients"
            rows={rows}
            job={otherJob}
            empty={isDone ? "Nobody fits. Change the search or the filters." : "Nobody found so far."}
          />
        )}
      />
    </>
  );
}

/** What has been found, finally or so far. */
function progress({ rows, total = 0, isDone }: Filled<Row>): string {
  return isDone
    ? `${count(rows.length)} shown, of ${count(total)} in all`
    : `searching ${count(total)}… ${count(rows.length)} found`;
}
