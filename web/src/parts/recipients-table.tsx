// Recipients as rows: the latest ones on the overview, a page of them elsewhere.
import type { Recent } from "../api/types";
import { clock, count, dateTime, milliseconds } from "../format";
import { href } from "../route";
import { StatusBadge } from "./badge";
import { Table, type Column } from "./table";

interface RecipientsTableProps {
  caption: string;
  rows: Recent[];
  /** The run, when it is not the watched one. */
  job?: string | undefined;
  empty: string;
}

export function RecipientsTable({ caption, rows, job, empty }: RecipientsTableProps) {
  const link = (row: Recent) => href(["recipients", row.id], { job });
  const columns: Column<Recent>[] = [
    {
      title: "Email",
      class: "email",
      cell: row => <a href={link(row)}>{row.email}</a>,
    },
    { title: "Status", class: "status", cell: row => <StatusBadge status={row.status} /> },
    { title: "Attempts", isNumber: true, cell: row => count(row.attempts) },
    {
      title: "Duration",
      isNumber: true,
      cell: row => milliseconds(row.attempts === 0 ? null : row.duration_ms),
    },
    { title: "Code", isNumber: true, cell: row => row.code || "–" },
    { title: "Error", class: "words", cell: row => row.error ?? "" },
    {
      title: "Last change",
      class: "when",
      isNumber: true,
      cell: row => (
        <time dateTime={row.at} title={dateTime(row.at)}>
          {clock(row.at)}
        </time>
      ),
    },
  ];
  return (
    <Table
      caption={caption}
      columns={columns}
      rows={rows}
      keyOf={row => row.id}
      linkOf={link}
      testid="recipient-row"
      class="recipients"
      empty={empty}
    />
  );
}
