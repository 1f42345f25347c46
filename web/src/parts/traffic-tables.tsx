// Accounts and tenants as rows: their books, what is open, and in words what holds them up.
import type { AccountRow, Counts, Sum, TenantRow } from "../api/service";
import { count } from "../format";
import { href } from "../route";
import { Icon } from "./icon";
import { Table, type Column } from "./table";
import { accountWords, heldUp, reportWords } from "./traffic-words";

/** Rows drawn at first. */
const STEP = 50;

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
  const all: AccountOrRest[] = [...rows, ...(rest ? [{ ...rest, pk: null }] : [])];
  const link = (row: AccountOrRest) =>
    row.pk === null ? null : href(["messages"], { tenant: row.tenant_id, account: row.account_id });
  const columns: Column<AccountOrRest>[] = [
    {
      title: "Account",
      class: "name",
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
      class: "long-name",
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
      rows={all.sort(byNeed(row => (row.pk === null ? "" : accountWords(row))))}
      keyOf={row => String(row.pk)}
      linkOf={link}
      testid="account-row"
      empty="No account fits."
      step={STEP}
    />
  );
}

type TenantOrRest = TenantRow | (Sum & { tenant_id: null });

export function TenantTable({ rows, rest }: { rows: TenantRow[]; rest: Sum | null }) {
  const all: TenantOrRest[] = [...rows, ...(rest ? [{ ...rest, tenant_id: null }] : [])];
  const link = (row: TenantOrRest) =>
    row.tenant_id === null ? null : href(["messages"], { tenant: row.tenant_id });
  const columns: Column<TenantOrRest>[] = [
    {
      title: "Tenant",
      class: "name",
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
      cell: row => (
        <State words={reportWords(row)} isCalm={!("in_dnd" in row) || row.report_failures === 0} />
      ),
    },
    { title: "State", class: "words", sortBy: heldUp, cell: row => <State words={heldUp(row)} /> },
  ];
  return (
    <Table
      caption="Traffic by tenant"
      columns={columns}
      rows={all.sort(byNeed(row => (row.tenant_id === null ? "" : heldUp(row))))}
      keyOf={row => row.tenant_id ?? ""}
      linkOf={link}
      testid="tenant-row"
      empty="No tenant fits."
      step={STEP}
    />
  );
}

/** What is held up first, then the busiest. */
function byNeed<T extends Counts>(trouble: (row: T) => string): (a: T, b: T) => number {
  return (a, b) => Number(trouble(b) !== "") - Number(trouble(a) !== "") || b.accepted - a.accepted;
}

function tenantName(row: { tenant_id: string; tenant_name: string | null }): string {
  return row.tenant_name ?? row.tenant_id;
}

/** What holds a row up, or what is to be known of it without a worry. */
export function State({ words, isCalm }: { words: string; isCalm?: boolean }) {
  if (words === "") return null;
  if (isCalm) return <>{words}</>;
  return (
    <span class="state is-failed">
      <Icon name="alert" />
      {words}
    </span>
  );
}
