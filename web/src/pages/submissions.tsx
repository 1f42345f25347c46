// What clients handed over, the newest first: searched, filtered, a page at a time.
import * as client from "../api/client";
import type { SubmissionRow } from "../api/service";
import type { Filled } from "../api/fill";
import { count, dateTime, statusWord } from "../format";
import { StatusBadge } from "../parts/badge";
import { Filters } from "../parts/filters";
import { cursorOf, searchOf, useListing } from "../parts/listing";
import { ListingCard } from "../parts/listing-card";
import { Table, type Column } from "../parts/table";
import { submissionWords } from "../parts/traffic-words";
import { href, route } from "../route";

const REFRESH_MS = 3000;
const FILTERS = ["search", "status", "tenant", "account"] as const;
const STATUSES = (["pending", "sent", "failed"] as const).map(
  status => [status, statusWord(status)] as const,
);
const FIELDS = [
  { name: "tenant", label: "Tenant", example: "acme" },
  { name: "account", label: "Account", example: "main" },
] as const;

export function Submissions() {
  const { query } = route.value;
  const listing = useListing(
    (at, limit, signal) => client.submissions(searchOf(query, FILTERS), at, limit, signal),
    cursorOf(query) ?? { before: "end" },
    [query.toString()],
    REFRESH_MS,
  );
  return (
    <>
      <h1>Messages</h1>
      <ListingCard
        label="Messages"
        page="messages"
        query={query}
        listing={listing.value}
        progress={progress}
        isNewestFirst
        filters={
          <Filters
            page="messages"
            query={query}
            label="Search ids and addresses"
            statuses={STATUSES}
            fields={FIELDS}
          />
        }
        table={({ rows, isDone }) => (
          <Table
            caption="Messages, newest first"
            columns={COLUMNS}
            rows={[...rows].reverse()}
            keyOf={row => row.pk}
            linkOf={link}
            testid="submission-row"
            empty={isDone ? "Nothing fits. Change the search or the filters." : "Nothing found so far."}
          />
        )}
      />
    </>
  );
}

function progress({ rows, isDone }: Filled<SubmissionRow>): string {
  return isDone ? `${count(rows.length)} shown` : `searching… ${count(rows.length)} found`;
}

function link(row: SubmissionRow): string {
  return href(["messages", row.pk]);
}

const COLUMNS: Column<SubmissionRow>[] = [
  { title: "Message", class: "email name", cell: row => <a href={link(row)}>{row.id}</a> },
  {
    title: "To",
    class: "long-name",
    cell: row => (row.recipients > 1 ? `${row.email} and ${count(row.recipients - 1)} more` : row.email),
  },
  { title: "Status", class: "status", cell: row => <StatusBadge status={row.status} /> },
  { title: "Tenant", class: "name", cell: row => row.tenant_id },
  { title: "Account", class: "name", cell: row => row.account_id },
  { title: "Attempts", isNumber: true, cell: row => count(row.attempts) },
  { title: "State", class: "words", cell: submissionWords },
  { title: "Accepted", class: "whole", cell: row => dateTime(row.created_at) },
];
