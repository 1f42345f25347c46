// Fills one page of messages: a look that ended early is gone on from, until the page is full or the end is reached.
import type { Cursor } from "./client";
import type { Page, Row } from "./types";

/** A page as far as it has been filled. */
export interface Filled {
  rows: Row[];
  previous: number | null;
  next: number | null;
  total: number;
  looks: number;
  isDone: boolean;
}

/** Looks until `limit` rows are found or the end is reached, telling of its progress after each look. */
export async function fill(
  look: (cursor: Cursor, limit: number) => Promise<Page>,
  cursor: Cursor,
  limit: number,
  onProgress: (filled: Filled) => void,
): Promise<void> {
  const direction = cursor.before === undefined ? "after" : "before";
  let filled: Filled | null = null;
  let from = cursor;
  do {
    const page = await look(from, limit - (filled?.rows.length ?? 0));
    filled = extended(filled, page, direction);
    filled.isDone = page.looked_to === null || filled.rows.length >= limit;
    from = { [direction]: String(page.looked_to) };
    onProgress(filled);
  } while (!filled.isDone);
}

function extended(filled: Filled | null, page: Page, direction: "after" | "before"): Filled {
  const goesForward = direction === "after";
  const before = filled?.rows ?? [];
  return {
    rows: goesForward ? [...before, ...page.messages] : [...page.messages, ...before],
    // The near edge is known since the first look that found something, the far edge since the latest look.
    previous: goesForward ? (filled?.previous ?? page.previous) : page.previous,
    next: goesForward ? page.next : (filled?.next ?? page.next),
    total: page.total,
    looks: (filled?.looks ?? 0) + 1,
    isDone: false,
  };
}
