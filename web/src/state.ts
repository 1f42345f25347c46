// What the whole page shares: the watched run, or the service, as it is now, the connection, the time, what was announced.
import { batch, computed, signal } from "@preact/signals";
import { RUN, type View } from "./api/merge";
import { SERVICE, type Traffic } from "./api/service";
import { follow, hasEnded, type Connection, type Followed } from "./api/stream";
import type { ConfigSummary, ControlAction, Figures, LogLine, Point, ProviderRow, Recent } from "./api/types";

export const figures = signal<Figures | null>(null);
export const providers = signal<ProviderRow[]>([]);
/** The interventions that make sense now. */
export const possible = signal<ControlAction[]>([]);
export const codes = signal<Record<string, number>>({});
export const recent = signal<Recent[]>([]);
export const log = signal<LogLine[]>([]);
export const points = signal<Point[]>([]);
export const config = signal<ConfigSummary>({});
/** What is known of the service from the beginning. */
export interface Service {
  version: string;
  startedAt: string;
}

/** The service, where that is watched and not a run. */
export const service = signal<Service | null>(null);
/** Its traffic. */
export const traffic = signal<Traffic | null>(null);
export const connection = signal<Connection>({ state: "connecting" });
/** This computer's clock, a tick a second. */
export const now = signal(Date.now());

/** The watched run's job id. */
export const watchedJob = computed(() => figures.value?.job_id ?? null);

/** Whether the run has come to its end. */
export const isOver = computed(() => figures.value !== null && hasEnded(figures.value.stage));

/** The moment up to which the charts know everything. */
export const until = computed(() => {
  const run = figures.value;
  return run ? (run.ended_at ?? run.at) : (traffic.value?.at ?? null);
});

function publishRun(view: View): void {
  batch(() => {
    figures.value = view.figures;
    providers.value = view.providers;
    possible.value = view.possible;
    codes.value = view.codes;
    recent.value = view.recent;
    log.value = view.log;
    points.value = view.points;
    config.value = view.config;
  });
}

function publishService(view: Traffic): void {
  batch(() => {
    traffic.value = view;
    points.value = view.points;
  });
}

/** Begins to follow the run. */
export function followRun(): void {
  start("./api/stream", RUN, publishRun);
}

/** Begins to follow the service. */
export function followService(watched: Service): void {
  service.value = watched;
  start("./api/traffic/stream", SERVICE, publishService);
}

/** Publishes the latest view; a hidden page is not drawn, it catches up when it is looked at. */
function start<V, M extends { kind: string }>(
  address: string,
  followed: Followed<V, M>,
  publish: (view: V) => void,
): void {
  let latest: V | null = null;
  function show(): void {
    if (latest !== null && !document.hidden) publish(latest);
  }
  follow(
    address,
    followed,
    view => {
      latest = view;
      show();
    },
    state => {
      connection.value = state;
    },
  );
  document.addEventListener("visibilitychange", show);
  setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, 1000);
}

/** A short word on what came of an action. */
export interface Notice {
  id: number;
  kind: "done" | "problem";
  text: string;
}

export const notices = signal<Notice[]>([]);
const NOTICE_MS = { done: 6000, problem: 12_000 };
let noticeNumber = 0;

export function dismiss(id: number): void {
  notices.value = notices.value.filter(notice => notice.id !== id);
}

/** Shows a word for some seconds and has it read out. */
export function announce(kind: Notice["kind"], text: string): void {
  const id = ++noticeNumber;
  notices.value = [...notices.value.slice(-2), { id, kind, text }];
  setTimeout(() => dismiss(id), NOTICE_MS[kind]);
}
