// The statistics' answer: what happened in each hour, day or month, and in all of them. Everything is in UTC.

/** A span of time. */
export type Span = "hour" | "day" | "month";

/** How often what happened. Each recipient of a message counts. */
export interface Tally {
  accepted: number;
  delivered: number;
  deferred: number;
  rate_limited: number;
  bounced: number;
  expired: number;
  dropped: number;
  cancelled: number;
  returned: number;
}

/** What happened in one span. */
export interface StatisticsRow extends Tally {
  /** When it begins. */
  from: string;
}

/** What happened in each span of a time; one in which nothing happened has no row. */
export interface Statistics {
  by: Span;
  from: string;
  until: string;
  /** Up to when everything was counted; `null` while nothing was. */
  counted_until: string | null;
  rows: StatisticsRow[];
  total: Tally;
}

/** Spans of one answer at most. */
const SPANS_MAX = 1000;

const NOTHING: Tally = {
  accepted: 0,
  delivered: 0,
  deferred: 0,
  rate_limited: 0,
  bounced: 0,
  expired: 0,
  dropped: 0,
  cancelled: 0,
  returned: 0,
};

/** The rows of every span, also of those in which nothing happened, in the order of time. */
export function everySpan({ by, from, until, rows }: Statistics): StatisticsRow[] {
  const known = new Map(rows.map(row => [Date.parse(row.from), row]));
  const all: StatisticsRow[] = [];
  const end = Date.parse(until);
  for (let at = Date.parse(from); at < end && all.length < SPANS_MAX; at = after(at, by)) {
    all.push(known.get(at) ?? { from: new Date(at).toISOString(), ...NOTHING });
  }
  return all;
}

/** When the next span begins. */
function after(at: number, by: Span): number {
  const date = new Date(at);
  if (by === "hour") return date.setUTCHours(date.getUTCHours() + 1);
  return by === "day" ? date.setUTCDate(date.getUTCDate() + 1) : date.setUTCMonth(date.getUTCMonth() + 1);
}

/** Those that were not delivered. */
export function failed({ bounced, expired, dropped }: Tally): number {
  return bounced + expired + dropped;
}

/** Those that came to their end. */
export function ended(tally: Tally): number {
  return tally.delivered + failed(tally) + tally.cancelled;
}

/** Whether nothing happened. */
export function isNothing(tally: Tally): boolean {
  return (Object.keys(NOTHING) as (keyof Tally)[]).every(kind => tally[kind] === 0);
}
