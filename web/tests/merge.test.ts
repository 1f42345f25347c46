// The stream's updates become one view: nothing lost, nothing twice, nothing without a bound.
import { describe, expect, test } from "vitest";
import { LOG_MAX, merge, mergeLog, mergePoints, POINTS_MAX } from "../src/api/merge";
import type { LogLine, Point, Update } from "../src/api/types";

function update(parts: Partial<Update>): Update {
  return { kind: "delta", job_id: "run-1", smtp_response_codes: {}, providers: [], ...parts } as Update;
}

function line(number: number): LogLine {
  return { number, at: "2026-11-22T10:00:00.000Z", level: "info", message: `line ${number}` };
}

function point(t: number, sent = 1): Point {
  return { t, span: 1, sent, failed: 0, deferred: 0, mean_ms: 0, connections: 0, sending: 0, errors: {} };
}

describe("merge", () => {
  test("a snapshot replaces everything, also of another run", () => {
    const first = merge(null, update({ kind: "snapshot", log: [line(1)], points: [point(1)] }));
    const second = merge(first, update({ kind: "snapshot", job_id: "run-2", log: [line(7)] }));
    expect(second?.figures.job_id).toBe("run-2");
    expect(second?.log.map(({ number }) => number)).toEqual([7]);
    expect(second?.points).toEqual([]);
  });

  test("a delta adds what is new and keeps the identity of what is not", () => {
    const before = merge(null, update({ kind: "snapshot", recent: [], log: [line(1)], points: [point(1)] }));
    const after = merge(before, update({ sent_count: 5, log: [line(2)] }));
    expect(after?.figures.sent_count).toBe(5);
    expect(after?.log).toHaveLength(2);
    expect(after?.points).toBe(before?.points);
    expect(after?.recent).toBe(before?.recent);
  });

  test("a delta without a snapshot, or of another run, changes nothing", () => {
    expect(merge(null, update({}))).toBeNull();
    const view = merge(null, update({ kind: "snapshot" }));
    expect(merge(view, update({ job_id: "run-2" }))).toBe(view);
  });

  test("a gap keeps what is on the screen", () => {
    const view = merge(null, update({ kind: "snapshot" }));
    expect(merge(view, { kind: "gap" })).toBe(view);
  });
});

describe("mergeLog", () => {
  test("orders by number and takes each line once", () => {
    const numbers = mergeLog([line(1), line(3)], [line(2), line(3)]).map(({ number }) => number);
    expect(numbers).toEqual([1, 2, 3]);
  });

  test("keeps the newest thousand", () => {
    const full = Array.from({ length: LOG_MAX }, (_, index) => line(index));
    const log = mergeLog(full, [line(LOG_MAX)]);
    expect(log).toHaveLength(LOG_MAX);
    expect(log[0]?.number).toBe(1);
  });

  test("deliveries hide neither failures nor interventions, and take the room that those leave", () => {
    const failure: LogLine = { ...line(0), level: "error", id: "m-0" };
    const delivered = Array.from({ length: 3 * LOG_MAX }, (_, index) => ({
      ...line(index + 2),
      id: `m-${index}`,
    }));
    let log = [failure, line(1)];
    for (let from = 0; from < delivered.length; from += 20)
      log = mergeLog(log, delivered.slice(from, from + 20));
    expect(log).toHaveLength(LOG_MAX);
    expect(log.slice(0, 2)).toEqual([failure, line(1)]);
    expect(log[LOG_MAX - 1]).toEqual(delivered[delivered.length - 1]);
  });
});

describe("mergePoints", () => {
  test("a point told again replaces the one of that moment", () => {
    const points = mergePoints([point(1), point(2)], [point(2, 9), point(3)]);
    expect(points.map(({ t, sent }) => [t, sent])).toEqual([
      [1, 1],
      [2, 9],
      [3, 1],
    ]);
  });

  test("keeps a bounded number, the newest", () => {
    const full = Array.from({ length: POINTS_MAX }, (_, index) => point(index));
    const points = mergePoints(full, [point(POINTS_MAX)]);
    expect(points).toHaveLength(POINTS_MAX);
    expect(points[0]?.t).toBe(1);
  });
});
