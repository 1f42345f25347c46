// The page: header, banner and the place the address asks for.
import { effect, signal, useComputed } from "@preact/signals";
import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import * as client from "./api/client";
import type { Traffic as Seen } from "./api/service";
import type { Figures } from "./api/types";
import { pauseMs } from "./api/stream";
import { count } from "./format";
import { Banner } from "./parts/banner";
import { Header } from "./parts/header";
import { focusSearch } from "./parts/search";
import { Toasts } from "./parts/toasts";
import { Activity } from "./pages/activity";
import { Campaigns } from "./pages/campaigns";
import { Domains } from "./pages/domains";
import { Nodes } from "./pages/nodes";
import { Overview } from "./pages/overview";
import { Recipient } from "./pages/recipient";
import { Recipients } from "./pages/recipients";
import { href, route } from "./route";
import { Submission } from "./pages/submission";
import { Submissions } from "./pages/submissions";
import { Statistics } from "./pages/statistics";
import { Traffic } from "./pages/traffic";
import { connection, figures, followRun, followService, service, traffic } from "./state";
import { start as startTheme } from "./theme";
import "./styles/colours.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/parts.css";
import "./styles/tables.css";
import "./styles/charts.css";
import "./styles/recipient.css";

const TITLES: Record<string, string> = {
  recipients: "Recipients",
  domains: "Domains",
  activity: "Activity",
  campaigns: "Campaigns",
  messages: "Messages",
  statistics: "Statistics",
  nodes: "Nodes",
};
/** The pages that show more than the stream tells, so that they need not wait for it. */
const INDEPENDENT: ReadonlySet<string | undefined> = new Set([
  "campaigns",
  "messages",
  "statistics",
  "nodes",
]);

/** Whether it is known which console this is. */
const isAsked = signal(false);

function Page() {
  return service.value ? <ServicePage /> : <RunPage />;
}

function ServicePage() {
  const [page, pk] = route.value.path;
  if (page === undefined) return <Traffic />;
  if (page === "statistics") return <Statistics />;
  if (page === "nodes") return <Nodes />;
  if (page !== "messages") return <h1>There is no such page</h1>;
  return pk === undefined ? <Submissions /> : <Submission pk={pk} />;
}

function RunPage() {
  const [page, id] = route.value.path;
  switch (page) {
    case undefined:
      return <Overview />;
    case "recipients":
      return id === undefined ? <Recipients /> : <Recipient id={id} />;
    case "domains":
      return <Domains />;
    case "activity":
      return <Activity />;
    case "campaigns":
      return <Campaigns />;
    default:
      return <h1>There is no such page</h1>;
  }
}

function App() {
  const main = useRef<HTMLElement>(null);
  const path = route.value.path.join("/");
  const done = useComputed(() => doneWords(figures.value) + waitingWords(traffic.value)).value;
  const isFirst = useRef(true);
  useEffect(() => {
    // On the way to another page the reader goes on at its beginning.
    if (!isFirst.current) main.current?.focus();
    if (!isFirst.current) scrollTo(0, 0);
    isFirst.current = false;
  }, [path]);
  useEffect(() => {
    const first = service.value ? "Traffic" : "Overview";
    document.title = `${done}${TITLES[path.split("/")[0] ?? ""] ?? first} · Glasspost`;
  }, [path, done, service.value]);
  return (
    <>
      <a class="skip" href="#main" onClick={event => skip(event, main.current)}>
        Skip to the content
      </a>
      <Header />
      <main id="main" ref={main} tabIndex={-1}>
        <Banner />
        {isKnown() ? <Page /> : <Waiting />}
      </main>
      <Toasts />
    </>
  );
}

/** Whether there is something to show at this place. */
function isKnown(): boolean {
  const isTold = (service.value ? traffic.value : figures.value) !== null;
  return isTold || (isAsked.value && INDEPENDENT.has(route.value.path[0]));
}

/** How much waits, for the title of a tab that is not looked at. */
function waitingWords(shown: Seen | null): string {
  return shown === null || shown.totals.pending === 0 ? "" : `${count(shown.totals.pending)} waiting · `;
}

/** How far the run is, for the title of a tab that is not looked at. */
function doneWords(shown: Figures | null): string {
  if (shown === null || shown.total_recipients === 0) return "";
  const share = (shown.sent_count + shown.failed_count) / shown.total_recipients;
  return `${Math.floor(share * 100)} % · `;
}

function Waiting() {
  return (
    <>
      <h1 class="visually-hidden">Glasspost</h1>
      <p class="waiting" data-testid="waiting">
        {connection.value.state === "reconnecting"
          ? "The dashboard does not answer; trying again…"
          : "Looking…"}
      </p>
    </>
  );
}

/** The address belongs to the routes, so the skip link moves the focus itself. */
function skip(event: MouseEvent, main: HTMLElement | null): void {
  event.preventDefault();
  main?.focus();
}

/** "/" leads to the search: to this page's, or to the recipients'. */
function findOnSlash(event: KeyboardEvent): void {
  const isTyping = event.target instanceof Element && event.target.matches("input, select, textarea");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
  if (document.querySelector("dialog[open]")) return;
  event.preventDefault();
  if (focusSearch()) return;
  location.hash = href([service.value ? "messages" : "recipients"]);
  addEventListener("hashchange", () => requestAnimationFrame(() => requestAnimationFrame(focusSearch)), {
    once: true,
  });
}

/** Whoever answers again after silence may have been started anew: asks since when it runs. */
function learnAnew(): void {
  let isBack = false;
  effect(() => {
    const { state } = connection.value;
    if (state === "live" && isBack && service.peek() !== null) void learn().catch(() => {});
    isBack = state === "reconnecting";
  });
}

async function learn(): Promise<void> {
  const answer = await client.console();
  if (answer.kind === "service") service.value = { version: answer.version, startedAt: answer.started_at };
}

/** Asks which console this is, until it is told, and follows what that watches. */
async function begin(failures = 0): Promise<void> {
  try {
    const answer = await client.console();
    if (answer.kind === "service") followService({ version: answer.version, startedAt: answer.started_at });
    else followRun();
    isAsked.value = true;
  } catch {
    connection.value = { state: "reconnecting", since: Date.now() };
    setTimeout(() => void begin(failures + 1), pauseMs(failures + 1));
  }
}

startTheme();
void begin();
learnAnew();
addEventListener("keydown", findOnSlash);
const app = document.getElementById("app");
if (app) render(<App />, app);
