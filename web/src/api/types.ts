// What the console answers: one type for each shape on the wire.

/** Where a message stands, in the words people see. */
export type Status = "pending" | "sending" | "sent" | "failed" | "retry" | "cancelled";

/** How far the run has come. */
export type Stage =
  | "starting"
  | "sending"
  | "paused"
  | "stopping"
  | "completed"
  | "interrupted"
  | "unreachable"
  | "cancelled"
  | "failed";

/** The figures of the watched run at one moment; the five counts add up to the total. */
export interface Figures {
  at: string;
  job_id: string;
  name: string | null;
  start_time: string;
  total_recipients: number;
  pending_count: number;
  sending_count: number;
  sent_count: number;
  failed_count: number;
  retry_count: number;
  cancelled_count: number;
  repeat_count: number;
  /** Of the failed ones, those that nothing repeats yet. */
  repeatable_count: number;
  attempts: number;
  connections: number;
  emails_per_second: number;
  emails_per_second_now: number;
  elapsed_s: number;
  seconds_left: number | null;
  avg_duration_ms: number;
  p50_duration_ms: number;
  p95_duration_ms: number;
  p99_duration_ms: number;
  stage: Stage;
  trouble: string | null;
  list_complete: boolean;
  ended_at: string | null;
}

/** What became of one group of messages. */
export interface Group {
  total: number;
  sent: number;
  failed: number;
  deferred: number;
  mean_ms: number;
}

/** One provider's share. */
export interface ProviderRow extends Group {
  provider: string;
}

/** One domain's share; `null` stands for all the domains that are not listed one by one, which share no provider. */
export interface DomainRow extends Group {
  domain: string | null;
  provider: string | null;
}

/** A message that changed lately. */
export interface Recent {
  id: string;
  email: string;
  status: Status;
  attempts: number;
  duration_ms: number | null;
  code: number | null;
  error: string | null;
  at: string;
}

export type Level = "info" | "warn" | "error";

/** One line of the activity log; the number grows by one with each line of the run. */
export interface LogLine {
  number: number;
  at: string;
  level: Level;
  message: string;
  email?: string;
  id?: string;
}

/** What happened in one span of time, `t` in seconds since 1970. */
export interface Point {
  t: number;
  span: number;
  sent: number;
  failed: number;
  deferred: number;
  connections: number;
  sending: number;
  /** Of a campaign. */
  mean_ms?: number;
  errors?: Record<string, number>;
  /** Of the service. */
  accepted?: number;
  rate_limited?: number;
  pending?: number;
}

/** How the run was started, in the names MailGrid's readers know. */
export interface ConfigSummary {
  csv_file?: string | null;
  sheet_url?: string | null;
  template_file?: string | null;
  concurrent_workers?: number | null;
  batch_size?: number | null;
  retry_limit?: number | null;
  filter_expression?: string | null;
}

/** A message of the stream that carries figures: everything (`snapshot`), or what changed (`delta`). */
export interface Update extends Figures {
  kind: "snapshot" | "delta";
  id: number;
  smtp_response_codes: Record<string, number>;
  providers: ProviderRow[];
  /** The interventions that make sense now. */
  possible: ControlAction[];
  recent?: Recent[];
  log?: LogLine[];
  points?: Point[];
  config_summary?: ConfigSummary;
}

/** Updates were missed; a snapshot follows. */
export interface Gap {
  kind: "gap";
}

export type Message = Update | Gap;

/** What the store's books say of a run. */
export interface Books {
  accepted: number;
  queued: number;
  delivered: number;
  bounced: number;
  expired: number;
  dropped: number;
  cancelled: number;
}

/** One run. */
export interface Run {
  job_id: string;
  name: string | null;
  started_at: string;
  listed_at: string | null;
  finished_at: string | null;
  watched: boolean;
  settings: Record<string, unknown>;
  books: Books;
}

/** One message of a run as a row of a table. */
export interface Row {
  id: string;
  seq: number;
  email: string;
  status: Status;
  state: "queued" | "delivered" | "bounced" | "expired" | "dropped" | "cancelled";
  attempts: number;
  accepted_at: string;
  at: string;
  duration_ms: number | null;
  code: number | null;
  enhanced: string | null;
  category: string | null;
  error: string | null;
  retry_of: string | null;
}

/** One look at a list. `looked_to` says that the look ended before the page was full. */
export interface Look {
  previous: number | null;
  next: number | null;
  looked_to: number | null;
}

/** One look at a run's messages. */
export interface Page extends Look {
  messages: Row[];
  /** All messages of the run, whatever is looked for. */
  total: number;
}

/** Milliseconds spent in each phase of an attempt. */
export interface PhaseTimes {
  connect_ms?: number;
  hello_ms?: number;
  tls_ms?: number;
  authenticate_ms?: number;
  transaction_ms?: number;
  total_ms?: number;
}

/** One try at delivery. */
export interface Attempt {
  remote: string;
  tls: string | null;
  phase: string;
  code: number | null;
  enhanced: string | null;
  text: string | null;
  category: string | null;
  error: string | null;
  times: PhaseTimes;
  refused_copies: string[];
  dialogue: string | null;
}

/** One thing that happened to a message. */
export interface MessageEvent {
  seq: number;
  at: string;
  kind: string;
  attempts: number;
  reason: string | null;
  /** Until when it puts the message off. */
  due_at?: string;
  attempt: Attempt | null;
}

/** One message with its whole history. */
export interface Timeline {
  message: Row;
  events: MessageEvent[];
  /** When it may be tried next, while it is queued. */
  due_at: string | null;
  retry_of: string | null;
  retried_as: string | null;
}

/** A message as it was rendered. */
export interface Content {
  subject: string | null;
  headers: [string, string][];
  text: string | null;
  has_html: boolean;
  attachments: { name: string; media_type: string; bytes: number }[];
  bytes: number;
}

export type ControlAction = "pause" | "resume" | "cancel" | "retry_failed";

/** An intervention that took place. */
export interface Control {
  action: ControlAction;
  by: string;
  at: string;
  seq: number;
}
