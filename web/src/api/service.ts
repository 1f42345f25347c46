// The service's answers, and how updates of its stream become one view: rows that changed take their places.
import { mergePoints } from "./merge";
import type { Followed } from "./stream";
import type { Gap, Look, MessageEvent, Point, Row, Status } from "./types";

/** How many submissions there were; accepted = sent + errors + cancelled + pending. */
export interface Counts {
  accepted: number;
  sent: number;
  errors: number;
  cancelled: number;
  pending: number;
  deferred: number;
  rate_limited: number;
  connections: number;
  sending: number;
}

/** Accounts taken together. */
export interface Sum extends Counts {
  accounts: number;
  /** Accounts through which nothing goes, and accounts at a limit. */
  troubled: number;
  limited: number;
  /** Reports that an application has not taken yet. */
  report_backlog: number;
  report_oldest_at: string | null;
  report_lag_s: number;
}

export interface AccountRow extends Counts {
  pk: number;
  account_id: string;
  tenant_id: string;
  tenant_name: string | null;
  /** Why nothing goes. */
  trouble: string | null;
  /** Until when a limit holds its mail back. */
  limited_until: string | null;
}

export interface TenantRow extends Sum {
  tenant_id: string;
  tenant_name: string | null;
  report_failures: number;
  last_sync_at: string | null;
  next_sync_at: string | null;
  in_dnd: boolean;
}

/** How much waits at one stage. */
export interface QueueRow {
  queue: string;
  depth: number;
  /** How long the oldest of it has waited. */
  oldest_age_s: number;
}

/** An account as one process delivers for it; without names where it is new or gone. */
export interface NodeAccount extends Pick<
  AccountRow,
  "pk" | "connections" | "sending" | "trouble" | "limited_until"
> {
  tenant_id: string | null;
  account_id: string | null;
}

/** A process of the service. */
export interface NodeRow {
  id: string;
  /** Whether it is the one that answers. */
  this: boolean;
  host: string;
  process: number;
  roles: string[];
  version: string;
  address: string | null;
  started_at: string;
  /** How long it was not heard of. */
  silent_s: number;
  state: "active" | "suspended" | "draining";
  duties: string[];
  connections: number;
  sending: number;
  making: number;
  accounts: NodeAccount[];
  /** Accounts that it delivers for as well. */
  other_accounts: number;
}

interface Whole {
  at: string;
  active: boolean;
  /** Whether any living process delivers. */
  delivering: boolean;
  queues: QueueRow[];
  trouble: string | null;
  totals: Sum;
  other_accounts: Sum | null;
  other_tenants: Sum | null;
}

/** A message of the stream: everything, or the rows that changed and those that are gone. */
export interface TrafficUpdate extends Whole {
  kind: "snapshot" | "delta";
  accounts: AccountRow[];
  gone_accounts: number[];
  tenants: TenantRow[];
  gone_tenants: string[];
  points: Point[];
}

/** Everything known of the service's traffic. Rows that did not change keep their identity. */
export interface Traffic extends Whole {
  accounts: Map<number, AccountRow>;
  tenants: Map<string, TenantRow>;
  points: Point[];
}

/** The view after a message; `null` stands for "nothing is known". */
export function mergeTraffic(view: Traffic | null, message: TrafficUpdate | Gap): Traffic | null {
  if (message.kind === "gap") return view;
  const update = message as TrafficUpdate;
  const before = update.kind === "snapshot" ? null : view;
  if (before === null && update.kind === "delta") return null;
  return {
    ...update,
    accounts: placed(before?.accounts, update.accounts, update.gone_accounts, row => row.pk),
    tenants: placed(before?.tenants, update.tenants, update.gone_tenants, row => row.tenant_id),
    // A service that was started anew tells only what happened since; it is the same one.
    points: mergePoints(view?.points ?? [], update.points),
  };
}

function placed<K, T>(before: Map<K, T> | undefined, rows: T[], gone: K[], key: (row: T) => K): Map<K, T> {
  if (before && rows.length === 0 && gone.length === 0) return before;
  const all = new Map(before);
  for (const missing of gone) all.delete(missing);
  for (const row of rows) all.set(key(row), row);
  return all;
}

/** The service as it is followed: it says something every ten seconds at least, and has no end. */
export const SERVICE: Followed<Traffic, TrafficUpdate | Gap> = {
  merge: mergeTraffic,
  isOver: () => false,
  isLively: () => true,
};

/** One submission as a row of a table. */
export interface SubmissionRow {
  pk: string;
  seq: number;
  /** The client's own id of it. */
  id: string;
  tenant_id: string;
  account_id: string;
  status: Status;
  /** Its first recipient; `attempts`, `due_at` and `error` are of that one. */
  email: string;
  recipients: number;
  sent: number;
  failed: number;
  priority: string;
  batch_code: string | null;
  held: boolean;
  deferred_until: string | null;
  created_at: string;
  at: string;
  attempts: number;
  due_at: string | null;
  error: string | null;
}

/** One look at the submissions. */
export interface SubmissionPage extends Look {
  submissions: SubmissionRow[];
}

/** One submission with its recipients, and what happened to one of them. */
export interface Story {
  submission: SubmissionRow;
  from: string | null;
  subject: string | null;
  attachments: string[];
  recipients: Row[];
  /** The recipient's message whose events these are. */
  message: string;
  events: MessageEvent[];
  due_at: string | null;
}
