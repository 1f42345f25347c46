// The stream goes on after every kind of loss: a browser's own retry, a refusal, a gap, silence, the run's end.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { RUN, type View } from "../src/api/merge";
import { follow, pauseMs, type Connection } from "../src/api/stream";
import type { Stage } from "../src/api/types";

class FakeSource {
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  static all: FakeSource[] = [];
  readyState = 0;
  onopen?: () => void;
  onmessage?: (event: { data: string }) => void;
  onerror?: () => void;

  constructor() {
    FakeSource.all.push(this);
  }

  close(): void {
    this.readyState = FakeSource.CLOSED;
  }

  open(): void {
    this.readyState = FakeSource.OPEN;
    this.onopen?.();
  }

  tell(kind: string, stage: Stage, sent: number): void {
    const codes = { smtp_response_codes: {}, providers: [] };
    this.onmessage?.({ data: JSON.stringify({ kind, job_id: "run", stage, sent_count: sent, ...codes }) });
  }

  fail(readyState: number): void {
    this.readyState = readyState;
    this.onerror?.();
  }
}

let views: View[] = [];
let states: Connection["state"][] = [];

function newest(): FakeSource {
  const source = FakeSource.all.at(-1);
  if (source === undefined) throw new Error("nobody connected");
  return source;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", FakeSource);
  FakeSource.all = [];
  views = [];
  states = [];
  follow(
    "./api/stream",
    RUN,
    view => views.push(view),
    ({ state }) => states.push(state),
  );
  newest().open();
  newest().tell("snapshot", "sending", 1);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a browser that retries by itself is left alone", () => {
  newest().fail(0);
  vi.advanceTimersByTime(10_000);
  expect(FakeSource.all).toHaveLength(1);
  newest().open();
  expect(states).toEqual(["live", "reconnecting", "live"]);
});

test("a refused stream is asked for again, at growing pauses", () => {
  newest().fail(FakeSource.CLOSED);
  vi.advanceTimersByTime(1000);
  expect(FakeSource.all).toHaveLength(2);
  newest().fail(FakeSource.CLOSED);
  vi.advanceTimersByTime(1999);
  expect(FakeSource.all).toHaveLength(2);
  vi.advanceTimersByTime(1);
  expect(FakeSource.all).toHaveLength(3);
  expect([1, 2, 3, 9].map(pauseMs)).toEqual([1000, 2000, 4000, 15_000]);
});

test("after a gap nothing is merged until the snapshot", () => {
  newest().tell("gap", "sending", 0);
  newest().tell("delta", "sending", 2);
  expect(views).toHaveLength(1);
  newest().tell("snapshot", "sending", 3);
  newest().tell("delta", "sending", 4);
  expect(views.map(view => view.figures.sent_count)).toEqual([1, 3, 4]);
});

test("a stream that falls silent while mail is sent is opened anew", () => {
  vi.advanceTimersByTime(26_000);
  expect(states.at(-1)).toBe("reconnecting");
  expect(FakeSource.all).toHaveLength(2);
});

test("a paused run may be silent", () => {
  newest().tell("delta", "paused", 2);
  vi.advanceTimersByTime(60_000);
  expect(FakeSource.all).toHaveLength(1);
});

test("when the run is over the lost stream is called closed, and what was told stays", () => {
  newest().tell("delta", "completed", 9);
  newest().fail(0);
  expect(states.at(-1)).toBe("closed");
  expect(views.at(-1)?.figures.sent_count).toBe(9);
});
