// What holds accounts, reports and messages up, in words.
import type { AccountRow, NodeRow, SubmissionRow, Sum, TenantRow } from "../api/service";
import { clock, count, dateTime, span } from "../format";

/** Whether a row is one of those that are looked for, in lower case. */
export function fits(row: AccountRow | TenantRow, wanted: string): boolean {
  const account = "account_id" in row ? `${row.account_id} ${row.trouble ?? ""}` : "";
  return `${row.tenant_id} ${row.tenant_name ?? ""} ${account}`.toLowerCase().includes(wanted);
}

/** What holds an account up; nothing where nothing does. */
export function accountWords({
  trouble,
  limited_until: until,
}: Pick<AccountRow, "trouble" | "limited_until">): string {
  const limit = until === null ? "" : `Limit met; it goes on at ${moment(until)}.`;
  return joined([trouble, limit]);
}

/** What a process is called: its machine, and its number there. */
export function nodeName({ host, process }: NodeRow): string {
  return `${host} (${process})`;
}

/** How many of several accounts are held up. */
export function heldUp({ troubled, limited }: Sum): string {
  const parts = [
    troubled > 0 && `${count(troubled)} with trouble`,
    limited > 0 && `${count(limited)} at a limit`,
  ];
  return parts.filter(Boolean).join(", ");
}

/** How the reports to a tenant stand; nothing where none waits. */
export function reportWords(row: TenantRow | Sum): string {
  const parts: string[] = [];
  if (row.report_backlog > 0)
    parts.push(`${count(row.report_backlog)} waiting, the oldest for ${span(row.report_lag_s)}`);
  if ("in_dnd" in row) {
    if (row.report_failures > 0) parts.push(failedWords(row.report_failures));
    if (row.in_dnd && row.next_sync_at) parts.push(`not to be disturbed until ${moment(row.next_sync_at)}`);
  }
  return parts.join("; ");
}

function failedWords(failures: number): string {
  return failures === 1 ? "failed once" : `failed ${count(failures)} times in a row`;
}

/** A moment of this day by its time alone. */
function moment(at: string): string {
  const full = dateTime(at);
  return full.slice(0, 10) === dateTime(Date.now()).slice(0, 10) ? clock(at) : full;
}

/** Sentences behind each other; words of somebody else may lack their end. */
function joined(parts: (string | false | null | 0)[]): string {
  return parts
    .filter((part): part is string => typeof part === "string" && part !== "")
    .map((part, index, all) => (index === all.length - 1 || /[.!?…]$/.test(part) ? part : `${part}.`))
    .join(" ");
}

/** What else there is to say of where a submission stands. */
export function submissionWords(row: SubmissionRow): string {
  const isOpen = row.sent + row.failed < row.recipients;
  const parts = [
    isOpen && row.held && "Held back by its tenant.",
    row.recipients > 1 && `${count(row.sent)} of ${count(row.recipients)} sent, ${count(row.failed)} failed.`,
    row.error,
    isOpen && row.due_at && row.attempts > 0 && `Next try at ${dateTime(row.due_at)}.`,
    isOpen && row.attempts === 0 && row.deferred_until && `Not before ${dateTime(row.deferred_until)}.`,
  ];
  return joined(parts);
}
