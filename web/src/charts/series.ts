// The series of a run cut to a window of time: at most a few hundred steps of equal length.
import type { Point } from "../api/types";

/** Steps of a chart at most: as many as the eye can tell apart. */
export const STEPS_MAX = 240;
const STEP_SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400];

/** What can be looked at: seconds back from the newest, `null` for all. */
export const RANGES: { label: string; name: string; seconds: number | null }[] = [
  { label: "1 min", name: "the last minute", seconds: 60 },
  { label: "10 min", name: "the last 10 minutes", seconds: 600 },
  { label: "1 h", name: "the last hour", seconds: 3600 },
  { label: "All", name: "the whole time", seconds: null },
];

/** When the steps of a chart begin, in seconds since 1970. */
export interface Moments {
  t: number[];
}

/** What happened in each step of a window: rates a second (errors: a minute), the most of each gauge, sums since the beginning. */
export interface Steps extends Moments {
  /** Length of a step in seconds. */
  step: number;
  sent: number[];
  failed: number[];
  deferred: number[];
  accepted: number[];
  sentSum: number[];
  failedSum: number[];
  connections: number[];
  sending: number[];
  pending: number[];
  /** Attempts a minute that did not deliver, by category. */
  errors: Map<string, number[]>;
}

/** The shortest step that covers `seconds` with few enough steps. */
export function stepFor(seconds: number): number {
  return STEP_SECONDS.find(step => seconds / step <= STEPS_MAX) ?? Math.ceil(seconds / STEPS_MAX);
}

function empty(step: number, from: number, length: number): Steps {
  const zeros = () => new Array<number>(length).fill(0);
  return {
    step,
    t: Array.from({ length }, (_, index) => from + index * step),
    sent: zeros(),
    failed: zeros(),
    deferred: zeros(),
    accepted: zeros(),
    sentSum: zeros(),
    failedSum: zeros(),
    connections: zeros(),
    sending: zeros(),
    pending: zeros(),
    errors: new Map(),
  };
}

function add(list: number[], index: number, amount: number): void {
  list[index] = (list[index] ?? 0) + amount;
}

function raise(list: number[], index: number, value: number): void {
  list[index] = Math.max(list[index] ?? 0, value);
}

/** Where the steps begin, and between which moments something is known; all in seconds since 1970. */
interface Window {
  from: number;
  first: number;
  end: number;
}

/** How much of a step lies in the time that is known: the first and the last may be cut. */
function coveredSeconds(begins: number, step: number, { first, end }: Window): number {
  return Math.max(1, Math.min(begins + step, end) - Math.max(begins, first));
}

/** Gives a point's counts to the steps it overlaps, by the share of its time that falls into each. */
function spread(steps: Steps, window: Window, point: Point): void {
  const { step } = steps;
  const { from } = window;
  const first = Math.max(0, Math.floor((point.t - from) / step));
  const last = Math.min(steps.t.length - 1, Math.ceil((point.t + point.span - from) / step) - 1);
  for (let index = first; index <= last; index += 1) {
    const begins = from + index * step;
    const seconds = Math.min(begins + step, point.t + point.span) - Math.max(begins, point.t);
    const share = seconds / point.span;
    const perSecond = share / coveredSeconds(begins, step, window);
    add(steps.sent, index, point.sent * perSecond);
    add(steps.failed, index, point.failed * perSecond);
    add(steps.deferred, index, point.deferred * perSecond);
    add(steps.accepted, index, (point.accepted ?? 0) * perSecond);
    add(steps.sentSum, index, point.sent * share);
    add(steps.failedSum, index, point.failed * share);
    raise(steps.connections, index, point.connections);
    raise(steps.sending, index, point.sending);
    raise(steps.pending, index, point.pending ?? 0);
    for (const [kind, amount] of Object.entries(point.errors ?? {})) {
      const list = steps.errors.get(kind) ?? new Array<number>(steps.t.length).fill(0);
      steps.errors.set(kind, list);
      add(list, index, amount * perSecond * 60);
    }
  }
}

function accumulate(list: number[], before: number): void {
  let sum = before;
  for (let index = 0; index < list.length; index += 1) {
    sum += list[index] ?? 0;
    list[index] = Math.round(sum);
  }
}

/**
 * The steps of the last `seconds` (`null`: of all) up to `until`, in seconds since 1970. A moment without a point is
 * one in which nothing happened.
 */
export function stepsOf(points: Point[], seconds: number | null, until: number): Steps {
  const first = points[0];
  if (first === undefined) return empty(1, until, 0);
  const end = Math.max(until, ...points.slice(-1).map(point => point.t + point.span));
  const wanted = seconds === null ? first.t : Math.max(first.t, end - seconds);
  const step = stepFor(end - wanted);
  const from = Math.floor(wanted / step) * step;
  const steps = empty(step, from, Math.max(1, Math.ceil((end - from) / step)));
  let sentBefore = 0;
  let failedBefore = 0;
  for (const point of points) {
    const outside = Math.min(1, Math.max(0, (from - point.t) / point.span));
    sentBefore += point.sent * outside;
    failedBefore += point.failed * outside;
    if (outside < 1) spread(steps, { from, first: first.t, end }, point);
  }
  accumulate(steps.sentSum, sentBefore);
  accumulate(steps.failedSum, failedBefore);
  return steps;
}
