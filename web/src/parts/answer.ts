// Asks the console for what a page shows, anew from time to time, and drops answers that are no longer wanted.
import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { AnswerError } from "../api/client";

/** What is known of an answer: nothing yet, the value, or why there is none. A value stays while it is asked anew. */
export interface Answer<T> {
  value: T | null;
  error: string | null;
  isMissing: boolean;
}

/** Asks whenever one of `causes` changes, and again `againMs` after each answer (`null`: not again), if it `isDue`. */
export function useAnswer<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  causes: unknown[],
  againMs: number | null = null,
  isDue: () => boolean = () => true,
): Signal<Answer<T>> {
  const answer = useSignal<Answer<T>>({ value: null, error: null, isMissing: false });
  useEffect(() => {
    async function askAnew(signal: AbortSignal): Promise<void> {
      try {
        const value = await ask(signal);
        if (!signal.aborted) answer.value = { value, error: null, isMissing: false };
      } catch (error) {
        if (!signal.aborted) answer.value = refused(answer.peek(), error);
      }
    }
    return repeat(againMs, askAnew, isDue);
  }, [...causes, againMs]);
  return answer;
}

/** A value outlives a failure to ask anew, but not the news that it is gone. */
function refused<T>(before: Answer<T>, error: unknown): Answer<T> {
  const isMissing = error instanceof AnswerError && error.status === 404;
  return { value: isMissing ? null : before.value, error: reason(error), isMissing };
}

/** Why something failed, in words. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Does `work` now and again `againMs` after each time it `isDue`, while the page is seen; returns how to stop it. */
export function repeat(
  againMs: number | null,
  work: (signal: AbortSignal) => Promise<void>,
  isDue: () => boolean = () => true,
): () => void {
  const abort = new AbortController();
  let timer = 0;

  async function once(): Promise<void> {
    await work(abort.signal);
    later();
  }

  /** A page that nobody sees asks for nothing until it is seen again. */
  function later(): void {
    if (againMs === null || abort.signal.aborted) return;
    timer = window.setTimeout(() => (document.hidden || !isDue() ? later() : void once()), againMs);
  }

  void once();
  return () => {
    abort.abort();
    clearTimeout(timer);
  };
}
