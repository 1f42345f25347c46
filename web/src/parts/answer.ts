// Asks the console for what a page shows, and drops the answer when the page no longer wants it.
import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { AnswerError } from "../api/client";

/** What is known of an answer: nothing yet, the value, or why there is none. A value stays while it is asked anew. */
export interface Answer<T> {
  value: T | null;
  error: string | null;
  isMissing: boolean;
}

/** Asks whenever one of `causes` changes. */
export function useAnswer<T>(ask: (signal: AbortSignal) => Promise<T>, causes: unknown[]): Signal<Answer<T>> {
  const answer = useSignal<Answer<T>>({ value: null, error: null, isMissing: false });
  useEffect(() => {
    const abort = new AbortController();
    ask(abort.signal).then(
      value => {
        if (!abort.signal.aborted) answer.value = { value, error: null, isMissing: false };
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const isMissing = error instanceof AnswerError && error.status === 404;
        const value = isMissing ? null : answer.peek().value;
        answer.value = { value, error: error instanceof Error ? error.message : String(error), isMissing };
      },
    );
    return () => abort.abort();
  }, causes);
  return answer;
}

/** A number that grows every `ms` milliseconds while `isWanted` and the page is seen: a cause to ask anew. */
export function usePulse(ms: number, isWanted: boolean): number {
  const pulse = useSignal(0);
  useEffect(() => {
    if (!isWanted) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) pulse.value += 1;
    }, ms);
    return () => clearInterval(timer);
  }, [ms, isWanted]);
  return pulse.value;
}
