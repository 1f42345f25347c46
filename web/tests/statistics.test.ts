// The statistics span by span: nothing is left out, and calendars are those of UTC.
import { describe, expect, test } from "vitest";
import { ended, everySpan, failed, isNothing, type Statistics, type Tally } from "../src/api/statistics";
import { statisticsPlots, TIMES } from "../src/charts/statistics";

const NONE: Tally = {
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

function answer(parts: Partial<Statistics>): Statistics {
  const day = { by: "day", from: "2026-11-01T00:00:00Z", until: "2026-11-04T00:00:00Z" } as const;
  return { ...day, counted_until: null, rows: [], total: NONE, ...parts };
}

describe("everySpan", () => {
  test("a day in which nothing happened has a row too", () => {
    const row = { ...NONE, from: "2026-11-02T00:00:00Z", delivered: 7 };
    const rows = everySpan(answer({ rows: [row] }));
    expect(rows.map(({ from }) => from.slice(0, 10))).toEqual(["2026-11-01", "2026-11-02", "2026-11-03"]);
    expect(rows.map(({ delivered }) => delivered)).toEqual([0, 7, 0]);
  });

  test("months are as long as they are, also in a leap year, and so is a day", () => {
    const months = everySpan(
      answer({ by: "month", from: "2027-12-01T00:00:00Z", until: "2028-04-01T00:00:00Z" }),
    );
    expect(months.map(({ from }) => from.slice(0, 7))).toEqual(["2027-12", "2028-01", "2028-02", "2028-03"]);
    const hours = everySpan(
      answer({ by: "hour", from: "2026-03-29T00:00:00Z", until: "2026-03-30T00:00:00Z" }),
    );
    expect(hours.length).toBe(24);
  });

  test("a time without an end is not filled for ever", () => {
    expect(everySpan(answer({ by: "hour", until: "9999-01-01T00:00:00Z" })).length).toBe(1000);
  });
});

test("what ended is delivered, failed or cancelled", () => {
  const tally = { ...NONE, delivered: 8, bounced: 3, expired: 2, dropped: 1, cancelled: 4, deferred: 50 };
  expect([failed(tally), ended(tally)]).toEqual([6, 18]);
  expect(isNothing(tally)).toBe(false);
  expect(isNothing({ ...NONE })).toBe(true);
});

test("spans are named as they are in UTC", () => {
  const at = Date.parse("2026-11-01T23:00:00Z") / 1000;
  expect([TIMES.hour.short(at), TIMES.hour.long(at)]).toEqual(["23:00", "2026-11-01 23:00"]);
  expect([TIMES.day.short(at), TIMES.day.long(at)]).toEqual(["11-01", "2026-11-01"]);
  expect(TIMES.month.long(at)).toBe("Nov 2026");
});

test("the charts have a step for each span, and failures are one colour", () => {
  const row = { ...NONE, from: "2026-11-02T00:00:00Z", delivered: 7, bounced: 2, dropped: 1, deferred: 9 };
  const { plots, moments } = statisticsPlots(answer({ rows: [row] }));
  expect(moments.t).toEqual([1, 2, 3].map(day => Date.UTC(2026, 10, day) / 1000));
  const [outcomes, trouble] = plots;
  expect(outcomes?.lines.map(({ label, values }) => [label, values[1]])).toEqual([
    ["Delivered", 7],
    ["Cancelled", 0],
    ["Failed", 3],
  ]);
  expect(trouble?.lines[0]?.values).toEqual([0, 9, 0]);
  expect(outcomes?.unit).toBe("recipients a day");
});
