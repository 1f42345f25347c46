// How updates of the stream become one view of the run: a snapshot replaces it, a delta is merged into it.
import { hasEnded, type Followed } from "./stream";
import type {
  ConfigSummary,
  ControlAction,
  Figures,
  Level,
  LogLine,
  Message,
  Point,
  ProviderRow,
  Recent,
  Update,
} from "./types";

/** Log lines kept. */
export const LOG_MAX = 1000;
/** Of those, what no other kind takes away from each: deliveries hide neither failures nor interventions. */
const LOG_SHARES: Record<Level | "note", number> = { error: 400, warn: 300, info: 200, note: 100 };
/** Points of the series kept: eleven hours of seconds. */
export const POINTS_MAX = 40_000;

/** Everything known of the watched run. Parts that did not change keep their identity. */
export interface View {
  figures: Figures;
  codes: Record<string, number>;
  providers: ProviderRow[];
  possible: ControlAction[];
  recent: Recent[];
  log: LogLine[];
  points: Point[];
  config: ConfigSummary;
}

/** A run as it is followed: while mail is sent its figures change every second. */
export const RUN: Followed<View, Message> = {
  merge,
  isOver: view => hasEnded(view.figures.stage),
  isLively: view => view.figures.stage === "sending",
};

/** The view after a message; `null` stands for "nothing is known", also while a snapshot is awaited. */
export function merge(view: View | null, message: Message): View | null {
  if (message.kind === "gap") return view;
  if (message.kind === "snapshot") return replaced(message);
  if (view === null || view.figures.job_id !== message.job_id) return view;
  return {
    figures: message,
    codes: message.smtp_response_codes,
    providers: message.providers,
    possible: message.possible,
    recent: message.recent ?? view.recent,
    log: mergeLog(view.log, message.log ?? []),
    points: mergePoints(view.points, message.points ?? []),
    config: view.config,
  };
}

function replaced(update: Update): View {
  return {
    figures: update,
    codes: update.smtp_response_codes,
    providers: update.providers,
    possible: update.possible,
    recent: update.recent ?? [],
    log: mergeLog([], update.log ?? []),
    points: mergePoints([], update.points ?? []),
    config: update.config_summary ?? {},
  };
}

/** The log in the order of its numbers, each once: `LOG_MAX` lines, the newest of each kind. */
export function mergeLog(log: LogLine[], fresh: LogLine[]): LogLine[] {
  if (fresh.length === 0) return log;
  const lines = new Map(log.map(line => [line.number, line]));
  for (const line of fresh) lines.set(line.number, line);
  return withinBounds([...lines.values()].sort((a, b) => a.number - b.number));
}

/** Lets the oldest lines go, of those kinds that take more than their share. */
function withinBounds(lines: LogLine[]): LogLine[] {
  const spare = new Map(Object.entries(LOG_SHARES).map(([kind, share]) => [kind, -share]));
  for (const line of lines) spare.set(kindOf(line), (spare.get(kindOf(line)) ?? 0) + 1);
  let excess = lines.length - LOG_MAX;
  return lines.filter(line => {
    const left = spare.get(kindOf(line)) ?? 0;
    if (excess <= 0 || left <= 0) return true;
    spare.set(kindOf(line), left - 1);
    excess -= 1;
    return false;
  });
}

/** A line about no message is a note: an intervention or a milestone. */
function kindOf(line: LogLine): keyof typeof LOG_SHARES {
  return line.id === undefined ? "note" : line.level;
}

/** The series in order of time: points from the first fresh one's moment on are replaced by the fresh ones. */
export function mergePoints(points: Point[], fresh: Point[]): Point[] {
  const first = fresh[0];
  if (first === undefined) return points;
  const kept = points.length - overlap(points, first.t);
  return [...points.slice(0, kept), ...fresh].slice(-POINTS_MAX);
}

function overlap(points: Point[], from: number): number {
  let count = 0;
  while (count < points.length && (points[points.length - 1 - count]?.t ?? from) >= from) count += 1;
  return count;
}
