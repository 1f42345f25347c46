// Providers, domains and reply codes as tables: how much of what went well.
import type { DomainRow, Group, ProviderRow } from "../api/types";
import { codeStatus, meaning } from "../codes";
import { count, milliseconds, percent } from "../format";
import { href } from "../route";
import { Bar } from "./bar";
import { StatusIcon } from "./badge";
import { Table, type Column } from "./table";

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** Of what is final, the share that was delivered; 0 where nothing is. */
export function deliveredShare({ sent, failed }: { sent: number; failed: number }): number {
  return sent + failed === 0 ? 0 : sent / (sent + failed);
}

function countColumn<T extends Group>(
  title: string,
  key: "total" | "sent" | "failed" | "deferred",
): Column<T> {
  return { title, isNumber: true, sortBy: row => row[key], cell: row => count(row[key]) };
}

function shareColumns<T extends Group>(): Column<T>[] {
  return [
    countColumn("Total", "total"),
    countColumn("Sent", "sent"),
    countColumn("Failed", "failed"),
    countColumn("Deferred", "deferred"),
    {
      title: "Delivered",
      class: "wide",
      sortBy: deliveredShare,
      cell: row => (
        <Bar
          part={deliveredShare(row)}
          text={row.sent + row.failed === 0 ? "–" : percent(row.sent, row.sent + row.failed)}
        />
      ),
    },
    {
      title: "Mean time",
      isNumber: true,
      sortBy: row => row.mean_ms,
      cell: row => (row.sent === 0 ? "–" : milliseconds(row.mean_ms)),
    },
  ];
}

export function ProviderTable({ rows }: { rows: ProviderRow[] }) {
  return (
    <Table
      caption="Delivery by provider"
      columns={[
        { title: "Provider", sortBy: row => row.provider, cell: row => capital(row.provider) },
        ...shareColumns<ProviderRow>(),
      ]}
      rows={rows}
      keyOf={row => row.provider}
      testid="provider-row"
      empty="No provider yet."
      sorted={{ column: 1, isDown: true }}
    />
  );
}

/** Where the recipients of a domain are listed; the rest together has no such place. */
function domainLink(row: DomainRow): string | null {
  return row.domain === null ? null : href(["recipients"], { domain: row.domain });
}

export function DomainTable({ rows }: { rows: DomainRow[] }) {
  return (
    <Table
      caption="Delivery by domain"
      columns={[
        {
          title: "Domain",
          sortBy: row => row.domain ?? "\uffff",
          cell: row =>
            row.domain === null ? <i>all others</i> : <a href={domainLink(row) ?? ""}>{row.domain}</a>,
        },
        {
          title: "Provider",
          sortBy: row => row.provider ?? "\uffff",
          cell: row => (row.provider === null ? "—" : capital(row.provider)),
        },
        ...shareColumns<DomainRow>(),
      ]}
      rows={rows}
      keyOf={row => row.domain ?? ""}
      linkOf={domainLink}
      testid="domain-row"
      empty="No domain yet."
      sorted={{ column: 2, isDown: true }}
    />
  );
}

export function CodeTable({ codes }: { codes: Record<string, number> }) {
  const rows = Object.entries(codes).map(([code, number]) => ({ code: Number(code), number }));
  const all = rows.reduce((sum, row) => sum + row.number, 0);
  const link = (code: number) => href(["recipients"], { code: String(code) });
  return (
    <Table
      caption="SMTP reply codes"
      columns={[
        {
          title: "Code",
          sortBy: row => row.code,
          cell: row => (
            <a class="code" href={link(row.code)}>
              <StatusIcon status={codeStatus(row.code)} />
              {row.code === 0 ? "none" : row.code}
            </a>
          ),
        },
        { title: "Meaning", cell: row => meaning(row.code) },
        { title: "Count", isNumber: true, sortBy: row => row.number, cell: row => count(row.number) },
        {
          title: "Share",
          class: "wide",
          sortBy: row => row.number,
          cell: row => (
            <Bar part={row.number / all} text={percent(row.number, all)} colour={codeStatus(row.code)} />
          ),
        },
      ]}
      rows={rows}
      keyOf={row => String(row.code)}
      linkOf={row => link(row.code)}
      testid="code-row"
      empty="No server has answered yet."
      sorted={{ column: 2, isDown: true }}
    />
  );
}
