// The window over the series: every count once, whatever the steps.
import { describe, expect, test } from "vitest";
import type { Point } from "../src/api/types";
import { drawn, plotsOf, summary } from "../src/charts/plots";
import { stepFor, stepsOf, STEPS_MAX } from "../src/charts/series";

const START = 1_700_000_000;

function point(t: number, parts: Partial<Point> = {}): Point {
  const nothing = {
    span: 1,
    sent: 0,
    failed: 0,
    deferred: 0,
    mean_ms: 0,
    connections: 0,
    sending: 0,
    errors: {},
  };
  return { t: START + t, ...nothing, ...parts };
}

function seconds(length: number, parts: Partial<Point>): Point[] {
  return Array.from({ length }, (_, index) => point(index, parts));
}

describe("stepsOf", () => {
  test("nothing known is no step", () => {
    expect(stepsOf([], 60, START).t).toEqual([]);
  });

  test("a minute is shown second by second", () => {
    const steps = stepsOf(seconds(600, { sent: 7 }), 60, 0);
    expect(steps.step).toBe(1);
    expect(steps.t).toHaveLength(60);
    expect(steps.sent.every(value => value === 7)).toBe(true);
  });

  test("ten hours are shown in few steps, and the rate stays a second's", () => {
    const steps = stepsOf(seconds(36_000, { sent: 7, failed: 1 }), null, 0);
    expect(steps.t.length).toBeLessThanOrEqual(STEPS_MAX + 1);
    expect(Math.max(...steps.sent)).toBeCloseTo(7);
    expect(Math.min(...steps.sent)).toBeCloseTo(7);
    expect(steps.sentSum.at(-1)).toBe(7 * 36_000);
    expect(steps.failedSum.at(-1)).toBe(36_000);
  });

  test("sums go on from what was before the window", () => {
    const steps = stepsOf(seconds(600, { sent: 2 }), 60, 0);
    expect(steps.sentSum[0]).toBe(2 * 541);
    expect(steps.sentSum.at(-1)).toBe(1200);
  });

  test("a long point is spread over the steps it covers", () => {
    const steps = stepsOf([point(0, { span: 60, sent: 120 }), point(60, { sent: 3 })], null, 0);
    expect(steps.sent[0]).toBeCloseTo(2);
    expect(steps.sent[59]).toBeCloseTo(2);
    expect(steps.sentSum.at(-1)).toBe(123);
  });

  test("moments without a point are moments in which nothing happened", () => {
    const steps = stepsOf([point(0, { sent: 5 }), point(9, { sent: 5 })], null, START + 12);
    expect(steps.sent).toEqual([5, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0]);
  });

  test("the cut last step is not taken for a drop", () => {
    const steps = stepsOf(seconds(603, { sent: 4 }), 600, 0);
    expect(steps.sent.at(-1)).toBeCloseTo(4);
  });

  test("gauges show the most, errors are told by kind, a minute", () => {
    const points = [
      point(0, { connections: 3, errors: { policy: 2 } }),
      point(1, { connections: 9, sending: 4 }),
    ];
    const steps = stepsOf(points, null, 0);
    expect(steps.connections).toEqual([3, 9]);
    expect(steps.errors.get("policy")).toEqual([120, 0]);
  });

  test("a step covers any length of run with few enough", () => {
    for (const length of [1, 60, 3600, 86_400, 40 * 86_400]) {
      expect(length / stepFor(length)).toBeLessThanOrEqual(STEPS_MAX);
    }
  });
});

describe("plots", () => {
  const points = [
    point(0, { sent: 4, errors: { timeout: 5, policy: 1, tls: 1 } }),
    point(1, { errors: { timeout: 2 } }),
  ];
  const plots = plotsOf(stepsOf(points, null, 0));

  test("stacked lines stand on those after them, each kind in its place", () => {
    const errors = plots.find(plot => plot.id === "errors");
    expect(errors?.lines.map(line => line.label)).toEqual(["policy", "timeout", "tls"]);
    expect(errors && drawn(errors)).toEqual([
      [420, 120],
      [360, 120],
      [60, 0],
    ]);
  });

  test("a chart can be told in a sentence", () => {
    const rate = plots[0];
    expect(rate && summary(rate, "the whole run")).toContain("Sent 0 now, 4.0 at most");
  });
});
