// How updates of the stream become one view of the run: a snapshot replaces it, a delta is merged into it.
import type { ConfigSummary, Figures, LogLine, Message, Point, ProviderRow, Recent, Update } from "./types";

/** Log lines kept. */
export const LOG_MAX = 1000;
/** Points of the series kept: eleven hours of seconds. */
export const POINTS_MAX = 40_000;

/** Everything known of the watched run. Parts that did not change keep their identity. */
export interface View {
  figures: Figures;
  codes: Record<string, number>;
  providers: ProviderRow[];
  recent: Recent[];
  log: LogLine[];
  points: Point[];
  config: ConfigSummary;
}

/** The view after a message; `null` stands for "nothing is known", also while a snapshot is awaited. */
export function merge(view: View | null, message: Message): View | null {
  if (message.kind === "gap") return view;
  if (message.kind === "snapshot") return replaced(message);
  if (view === null || view.figures.job_id !== message.job_id) return view;
  return {
    figures: message,
    codes: message.smtp_response_codes,
    providers: message.providers,
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
    recent: update.recent ?? [],
    log: mergeLog([], update.log ?? []),
    points: mergePoints([], update.points ?? []),
    config: update.config_summary ?? {},
  };
}

/** The log in the order of its numbers, each once, the newest `LOG_MAX`. */
export function mergeLog(log: LogLine[], fresh: LogLine[]): LogLine[] {
  if (fresh.length === 0) return log;
  const lines = new Map(log.map(line => [line.number, line]));
  for (const line of fresh) lines.set(line.number, line);
  return [...lines.values()].sort((a, b) => a.number - b.number).slice(-LOG_MAX);
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
