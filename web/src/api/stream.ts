// Follows the console's stream for good: resumes by itself, begins anew with growing pauses when it was refused.
import type { Stage } from "./types";

/** Where the stream stands. */
export type Connection =
  | { state: "connecting" }
  | { state: "live" }
  | { state: "reconnecting"; since: number }
  | { state: "closed"; since: number };

const PAUSE_FIRST_MS = 1000;
const PAUSE_MAX_MS = 15_000;
/** Where something is to be heard all the time, this long without it means a dead connection. */
const SILENCE_MAX_MS = 20_000;
const ENDED: ReadonlySet<Stage> = new Set(["completed", "interrupted", "unreachable", "cancelled", "failed"]);

/** Whether a run at this stage has come to its end. */
export function hasEnded(stage: Stage): boolean {
  return ENDED.has(stage);
}

/** How long to wait before attempt number `failures` to connect anew. */
export function pauseMs(failures: number): number {
  return Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** Math.max(0, failures - 1));
}

/** What is followed: how a message of the stream changes the view of it, and what the view says of the stream. */
export interface Followed<V, M extends { kind: string }> {
  merge: (view: V | null, message: M) => V | null;
  /** Whether it has come to its end. */
  isOver: (view: V) => boolean;
  /** Whether something is to be heard of it all the time. */
  isLively: (view: V) => boolean;
}

/** Follows the stream at `address`; tells every new view and every change of the connection. */
export function follow<V, M extends { kind: string }>(
  address: string,
  followed: Followed<V, M>,
  onView: (view: V) => void,
  onConnection: (connection: Connection) => void,
): void {
  let view: V | null = null;
  let awaitsSnapshot = false;
  let failures = 0;
  let lostAt: number | null = null;
  let heardAt = Date.now();
  let source: EventSource | null = null;

  function receive(event: { data: unknown }): void {
    heardAt = Date.now();
    const message = JSON.parse(String(event.data)) as M;
    if (message.kind !== "delta") awaitsSnapshot = message.kind === "gap";
    if (awaitsSnapshot) return;
    view = followed.merge(view, message);
    if (view !== null) onView(view);
  }

  function opened(): void {
    failures = 0;
    lostAt = null;
    heardAt = Date.now();
    onConnection({ state: "live" });
  }

  function lost(): void {
    lostAt ??= Date.now();
    const isOver = view !== null && followed.isOver(view);
    onConnection({ state: isOver ? "closed" : "reconnecting", since: lostAt });
    // A browser retries by itself unless it was refused; a run that is over is asked for at growing pauses only.
    if (source?.readyState === EventSource.CLOSED || isOver) reopen();
  }

  function reopen(): void {
    source?.close();
    failures += 1;
    setTimeout(open, pauseMs(failures));
  }

  function open(): void {
    source = new EventSource(address);
    source.onopen = opened;
    source.onmessage = receive;
    source.onerror = lost;
  }

  function watchSilence(): void {
    const isSilent = Date.now() - heardAt > SILENCE_MAX_MS;
    if (!isSilent || source?.readyState !== EventSource.OPEN) return;
    if (view === null || !followed.isLively(view)) return;
    lost();
    if (source.readyState === EventSource.OPEN) reopen();
  }

  open();
  setInterval(watchSilence, SILENCE_MAX_MS / 4);
}
