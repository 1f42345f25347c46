// Fills one page of a list: a look that ended early is gone on from, until the page is full or the end is reached.
import type { Cursor } from "./client";
import type { Look } from "./types";

/** A page as far as it has been filled. */
export interface Filled<T> {
  rows: T[];
  previous: number | null;
  next: number | null;
  /** All there are, whatever is looked for, where that is known. */
  total: number | undefined;
  looks: number;
  isDone: boolean;
}

/** One look: the rows it found, and where it ended. */
export interface Found<T> extends Look {
  rows: T[];
  total?: number;
}

/** Looks until `limit` rows are found or the end is reached, telling of its progress after each look. */
export async function fill<T>(
  look: (cursor: Cursor, limit: number) => Promise<Found<T>>,
  cursor: Cursor,
  limit: number,
  onProgress: (filled: Filled<T>) => void,
): Promise<void> {
  const direction = cursor.before === undefined ? "after" : "before";
  let filled: Filled<T> | null = null;
  let from = cursor;
  do {
    const found: Found<T> = await look(from, limit - (filled?.rows.length ?? 0));
    filled = extended(filled, found, direction);
    filled.isDone = found.looked_to === null || filled.rows.length >= limit;
    from = { [direction]: String(found.looked_to) };
    onProgress(filled);
  } while (!filled.isDone);
}

function extended<T>(filled: Filled<T> | null, found: Found<T>, direction: "after" | "before"): Filled<T> {
  const goesForward = direction === "after";
  const before = filled?.rows ?? [];
  return {
    rows: goesForward ? [...before, ...found.rows] : [...found.rows, ...before],
    // The near edge is known since the first look that found something, the far edge since the latest look.
    previous: goesForward ? (filled?.previous ?? found.previous) : found.previous,
    next: goesForward ? found.next : (filled?.next ?? found.next),
    total: found.total,
    looks: (filled?.looks ?? 0) + 1,
    isDone: false,
  };
}
