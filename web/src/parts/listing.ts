// A list that is filled a page at a time; the place in it is in the address and can be shared.
import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Cursor, Search } from "../api/client";
import { fill, type Filled, type Found } from "../api/fill";
import { reason, repeat } from "./answer";

const ROWS_MAX = 50;

/** A page of a list as far as it is known. */
export interface Listing<T> {
  filled: Filled<T> | null;
  error: string | null;
}

/** What is looked for: what the address says under these names. */
export function searchOf(query: URLSearchParams, names: readonly (keyof Search)[]): Search {
  return Object.fromEntries(names.map(name => [name, query.get(name) ?? ""]));
}

/** Where the page begins that an address asks for; `null` where it does not say. */
export function cursorOf(query: URLSearchParams): Cursor | null {
  const [after, before] = [query.get("after"), query.get("before")];
  return after ? { after } : before ? { before } : null;
}

/** The query of an address with other values; a change of filters begins at the first page. */
export function changed(
  query: URLSearchParams,
  changes: Record<string, string | undefined>,
): Record<string, string | undefined> {
  const { after: _, before: __, ...kept } = Object.fromEntries(query);
  return { ...kept, ...changes };
}

/** Fills the page at `cursor` anew whenever one of `causes` changes; with `againMs` also later, quietly, where one look does it. */
export function useListing<T>(
  look: ((cursor: Cursor, limit: number, signal: AbortSignal) => Promise<Found<T>>) | null,
  cursor: Cursor,
  causes: unknown[],
  againMs: number | null,
): Signal<Listing<T>> {
  const listing = useSignal<Listing<T>>({ filled: null, error: null });
  useEffect(() => {
    listing.value = { filled: null, error: null };
  }, causes);
  useEffect(() => {
    if (look === null) return undefined;
    return repeat(againMs, async signal => {
      const filled = listing.peek().filled;
      if (filled !== null && filled.isDone && filled.looks > 1) return;
      try {
        const once = (at: Cursor, limit: number) => look(at, limit, signal);
        await fill(once, cursor, ROWS_MAX, found => show({ filled: found, error: null }));
      } catch (error) {
        show({ filled, error: reason(error) });
      }

      function show(shown: Listing<T>): void {
        if (!signal.aborted) listing.value = shown;
      }
    });
  }, [...causes, againMs]);
  return listing;
}
