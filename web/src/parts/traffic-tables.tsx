// Accounts and tenants as rows: their books, what is open, and in words what holds them up.
import type { AccountRow, Counts, Sum, TenantRow } from "../api/service";
import { clock, count, dateTime, span } from "../format";
import { href } from "../route";
import { Icon } from "./icon";
import { Table, type Column } from "./table";

/** Rows drawn at first. */
const STEP = 100;

/** Whether a row is one of those that are looked for, in lower case. */
export function fits(row: AccountRow | TenantRow, wanted: string): boolean {
  const account = "account_id" in row ? `${row.account_id} ${row.trouble ?? ""}` : "";
  return `${row.tenant_id} ${row.tenant_name ?? ""} ${account}`.toLowerCase().includes(wanted);
}

function counted<T extends Counts>(title: string, key: keyof Counts): Column<T> {
  return { title, isNumber: true, sortBy: row => row[key], cell: row => count(row[key]) };
}

function books<T extends Counts>(): Column<T>[] {
  return [
    counted("Accepted", "accepted"),
    counted("Pending", "pending"),
    counted("Sent", "sent"),
    counted("Failed", "errors"),
    counted("Put off", "deferred"),
    counted("Limits met", "rate_limited"),
    counted("Connections", "connections"),
  ];
}

/** The rest together stands last under names. */
const LAST = "\uffff";

type AccountOrRest = AccountRow | (Sum & { pk: null });

export function AccountTable({ rows, rest }: { rows: AccountRow[]; rest: Sum | null }) {
  const all: AccountOrRest[] = rest ? [...rows, { ...rest, pk: null }] : rows;
  const link = (row: AccountOrRest) =>
    row.pk === null ? null : href(["messages"], { tenant: row.tenant_id, account: row.account_id });
  const columns: Column<AccountOrRest>[] = [
    {
      title: "Account",
      sortBy: row => (row.pk === null ? LAST : row.account_id),
      cell: row =>
        row.pk === null ? (
          <i>{count(row.accounts)} others</i>
        ) : (
          <a href={link(row) ?? ""}>{row.account_id}</a>
        ),
    },
    {
      title: "Tenant",
      sortBy: row => (row.pk === null ? LAST : tenantName(row)),
      cell: row => (row.pk === null ? "" : tenantName(row)),
    },
    ...books<AccountOrRest>(),
    {
      title: "State",
      class: "words",
      sortBy: row => (row.pk === null ? heldUp(row) : accountWords(row)),
      cell: row => <State words={row.pk === null ? heldUp(row) : accountWords(row)} />,
    },
  ];
  return (
    <Table
      caption="Traffic by account"
      columns={columns}
      rows={all}
      keyOf={row => String(row.pk)}
      linkOf={link}
      testid="account-row"
      empty="No account fits."
      step={STEP}
      sorted={{ column: 2, isDown: true }}
    />
  );
}

type TenantOrRest = TenantRow | (Sum & { tenant_id: null });

export function TenantTable({ rows, rest }: { rows: TenantRow[]; rest: Sum | null }) {
  const all: TenantOrRest[] = rest ? [...rows, { ...rest, tenant_id: null }] : rows;
  const link = (row: TenantOrRest) =>
    row.tenant_id === null ? null : href(["messages"], { tenant: row.tenant_id });
  const columns: Column<TenantOrRest>[] = [
    {
      title: "Tenant",
      sortBy: row => (row.tenant_id === null ? LAST : tenantName(row)),
      cell: row =>
        row.tenant_id === null ? <i>all others</i> : <a href={link(row) ?? ""}>{tenantName(row)}</a>,
    },
    { title: "Accounts", isNumber: true, sortBy: row => row.accounts, cell: row => count(row.accounts) },
    ...books<TenantOrRest>(),
    {
      title: "Reports",
      class: "words",
      sortBy: row => row.report_backlog,
      cell: row => <State words={reportWords(row)} />,
    },
    { title: "State", class: "words", sortBy: heldUp, cell: row => <State words={heldUp(row)} /> },
  ];
  return (
    <Table
      caption="Traffic by tenant"
      columns={columns}
      rows={all}
      keyOf={row => row.tenant_id ?? ""}
      linkOf={link}
      testid="tenant-row"
      empty="No tenant fits."
      step={STEP}
      sorted={{ column: 2, isDown: true }}
    />
  );
}

function tenantName(row: { tenant_id: string; tenant_name: string | null }): string {
  return row.tenant_name ?? row.tenant_id;
}

function State({ words }: { words: string }) {
  if (words === "") return null;
  return (
    <span class="state is-failed">
      <Icon name="alert" />
      {words}
    </span>
  );
}

/** What holds an account up; nothing where nothing does. */
export function accountWords({ trouble, limited_until: until }: AccountRow): string {
  const limit = until === null ? "" : `Limit met; it goes on at ${moment(until)}.`;
  return [trouble, limit].filter(Boolean).join(" ");
}

function heldUp({ troubled, limited }: Sum): string {
  const parts = [
    troubled > 0 && `${count(troubled)} with trouble`,
    limited > 0 && `${count(limited)} at a limit`,
  ];
  return parts.filter(Boolean).join(", ");
}

/** How the reports to a tenant stand; nothing where all were taken. */
export function reportWords(row: TenantOrRest): string {
  const parts: string[] = [];
  if (row.report_backlog > 0)
    parts.push(`${count(row.report_backlog)} waiting, the oldest for ${span(row.report_lag_s)}`);
  if ("in_dnd" in row) {
    if (row.report_failures > 0) parts.push(`refused ${count(row.report_failures)} times in a row`);
    if (row.in_dnd && row.next_sync_at) parts.push(`not to be disturbed until ${moment(row.next_sync_at)}`);
  }
  return parts.join("; ");
}

/** A moment of this day by its time alone. */
function moment(at: string): string {
  const full = dateTime(at);
  return full.slice(0, 10) === dateTime(Date.now()).slice(0, 10) ? clock(at) : full;
}
