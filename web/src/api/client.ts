// Asks the console: one function a route, relative addresses only, errors in the console's own words.
import type { Found } from "./fill";
import type { NodeRow, Story, SubmissionPage, SubmissionRow } from "./service";
import type { Span, Statistics } from "./statistics";
import type { Content, Control, ControlAction, DomainRow, Page, Row, Run, Timeline } from "./types";

/** The console's refusal, or that it could not be reached. */
export class AnswerError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** What narrows a list, by the names of the address and of the console. */
export type Search = Partial<Record<"search" | "status" | "domain" | "code" | "tenant" | "account", string>>;

/** Where a page of messages begins: after one, before one, or at either end. */
export interface Cursor {
  after?: string;
  before?: string;
}

const UNREACHABLE = "the dashboard's server does not answer";

async function ask<T>(path: string, options: RequestInit = {}): Promise<T> {
  const response = await fetch(`./api/${path}`, { credentials: "same-origin", ...options }).catch(
    (reason: unknown) => {
      if (reason instanceof DOMException && reason.name === "AbortError") throw reason;
      throw new AnswerError(UNREACHABLE, 0);
    },
  );
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok)
    throw new AnswerError(refusal(body) ?? `the server answered ${response.status}`, response.status);
  return body as T;
}

function refusal(body: unknown): string | null {
  const error = (body as { error?: { message?: unknown } } | null)?.error;
  return typeof error?.message === "string" ? error.message : null;
}

/** A query string of what is set, with its question mark. */
export function query(values: object): string {
  const pairs = Object.entries(values).filter(([, value]) => value !== undefined && value !== "");
  const text = new URLSearchParams(
    pairs.map(([key, value]): [string, string] => [key, String(value)]),
  ).toString();
  return text && `?${text}`;
}

function runPath(job: string): string {
  return `campaigns/${encodeURIComponent(job)}`;
}

function messagePath(job: string, id: string): string {
  return `${runPath(job)}/messages/${encodeURIComponent(id)}`;
}

/** Which console answers: its pages are shown. */
export type Console = { kind: "campaign" } | { kind: "service"; version: string; started_at: string };

export function console(): Promise<Console> {
  return ask("console");
}

export function nodes(signal: AbortSignal): Promise<{ nodes: NodeRow[] }> {
  return ask("nodes", { signal });
}

/** Which statistics; what is not said is as the service takes it. */
export interface Wanted {
  by: Span;
  from: string | undefined;
  tenant: string;
  account: string;
}

export function statistics(wanted: Wanted, signal: AbortSignal): Promise<Statistics> {
  return ask(`statistics${query(wanted)}`, { signal });
}

export function campaigns(signal: AbortSignal): Promise<{ campaigns: Run[] }> {
  return ask("campaigns", { signal });
}

export function domains(limit: number, signal: AbortSignal): Promise<{ domains: DomainRow[] }> {
  return ask(`domains${query({ limit })}`, { signal });
}

export function messages(
  job: string,
  search: Search,
  cursor: Cursor,
  limit: number,
  signal: AbortSignal,
): Promise<Found<Row>> {
  const page = ask<Page>(`${runPath(job)}/messages${query({ ...search, ...cursor, limit })}`, { signal });
  return page.then(({ messages: rows, ...rest }) => ({ ...rest, rows }));
}

export function submissions(
  search: Search,
  cursor: Cursor,
  limit: number,
  signal: AbortSignal,
): Promise<Found<SubmissionRow>> {
  const page = ask<SubmissionPage>(`submissions${query({ ...search, ...cursor, limit })}`, { signal });
  return page.then(({ submissions: rows, ...rest }) => ({ ...rest, rows }));
}

export function submission(pk: string, recipient: string | undefined, signal: AbortSignal): Promise<Story> {
  return ask(`submissions/${encodeURIComponent(pk)}${query({ recipient })}`, { signal });
}

export function timeline(job: string, id: string, signal: AbortSignal): Promise<Timeline> {
  return ask(messagePath(job, id), { signal });
}

export function content(job: string, id: string, signal: AbortSignal): Promise<Content> {
  return ask(`${messagePath(job, id)}/content`, { signal });
}

/** The message's bytes as text. */
export async function raw(job: string, id: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(`./api/${messagePath(job, id)}/content/raw`, { signal });
  if (!response.ok) throw new AnswerError(`the server answered ${response.status}`, response.status);
  return response.text();
}

/** Where the HTML body alone is, for a sandboxed frame. */
export function htmlAddress(job: string, id: string): string {
  return `./api/${messagePath(job, id)}/content/html`;
}

export function act(job: string, action: ControlAction): Promise<Control> {
  return ask(`${runPath(job)}/controls`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ action }),
  });
}
