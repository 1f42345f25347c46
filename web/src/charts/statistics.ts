// The charts of the statistics: what came of mail as a bar for each span of time, and what held it up as lines.
import { everySpan, failed, type Span, type Statistics } from "../api/statistics";
import { count } from "../format";
import type { Line, Plot, Times } from "./plots";
import type { Moments } from "./series";

const SHORT_MONTH = new Intl.DateTimeFormat("en", { month: "short", year: "numeric", timeZone: "UTC" });

/** A span by its beginning, as it is in UTC: short where the others stand beside it, and in full. */
export const TIMES: Record<Span, Times> = {
  hour: {
    short: seconds => iso(seconds).slice(11, 16),
    long: seconds => iso(seconds).slice(0, 16).replace("T", " "),
  },
  day: { short: seconds => iso(seconds).slice(5, 10), long: seconds => iso(seconds).slice(0, 10) },
  month: { short: monthName, long: monthName },
};

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

function monthName(seconds: number): string {
  return SHORT_MONTH.format(seconds * 1000);
}

const EACH: Record<Span, string> = { hour: "an hour", day: "a day", month: "a month" };

/** The charts, and the moments that they are over. */
export function statisticsPlots(statistics: Statistics): { plots: Plot[]; moments: Moments } {
  const rows = everySpan(statistics);
  const line = (label: string, colour: string, of: (row: (typeof rows)[0]) => number): Line => ({
    label,
    colour,
    values: rows.map(of),
    write: count,
  });
  const { by } = statistics;
  const times = TIMES[by];
  const outcomes: Plot = {
    id: "outcomes",
    title: "Outcomes",
    unit: `recipients ${EACH[by]}`,
    times,
    isStacked: true,
    isBars: true,
    lines: [
      { ...line("Delivered", "--sent-mark", row => row.delivered), isFilled: true },
      { ...line("Cancelled", "--cancelled-mark", row => row.cancelled), isFilled: true },
      { ...line("Failed", "--failed-mark", failed), isFilled: true },
    ],
  };
  const trouble: Plot = {
    id: "trouble",
    title: "Delays and returns",
    unit: `times ${EACH[by]}`,
    times,
    isStacked: false,
    lines: [
      { ...line("Put off", "--retry-mark", row => row.deferred), isFilled: true },
      { ...line("Limits met", "--pending-mark", row => row.rate_limited), dash: [5, 3] },
      { ...line("Came back", "--kind-5", row => row.returned), dash: [2, 3] },
    ],
  };
  return { plots: [outcomes, trouble], moments: { t: rows.map(({ from }) => Date.parse(from) / 1000) } };
}
