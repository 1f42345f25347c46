// The first page: how far the run is, how fast, over time, and what happened last.
import { useComputed } from "@preact/signals";
import type { Figures } from "../api/types";
import { ChartPanel } from "../charts/panel";
import { plotsOf } from "../charts/plots";
import { count, milliseconds, percent, rate, span } from "../format";
import { LogLines } from "../parts/loglines";
import { Progress } from "../parts/progress";
import { RecipientsTable } from "../parts/recipients-table";
import { CodeTable, ProviderTable } from "../parts/shares";
import { Statistic } from "../parts/statistic";
import { href } from "../route";
import { codes, figures, isOver, log, providers, recent } from "../state";

const LOG_LINES = 10;

export function Overview() {
  const shown = figures.value;
  if (shown === null) return null;
  return (
    <>
      <h1 class="visually-hidden">Overview</h1>
      <Progress figures={shown} />
      <Speed shown={shown} />
      <ChartPanel plotsOf={plotsOf} name={shown.job_id} />
      <Latest />
      <div class="columns">
        <Happened />
        <div class="stack">
          <section class="card" aria-labelledby="providers-title">
            <div class="card-head">
              <h2 id="providers-title">Providers</h2>
              <a href={href(["domains"])}>All domains</a>
            </div>
            <ProviderTable rows={providers.value} />
          </section>
          <section class="card" aria-labelledby="codes-title">
            <div class="card-head">
              <h2 id="codes-title">SMTP replies</h2>
            </div>
            <CodeTable codes={codes.value} />
          </section>
        </div>
      </div>
    </>
  );
}

function Speed({ shown }: { shown: Figures }) {
  const final = shown.sent_count + shown.failed_count;
  return (
    <dl class="stats card">
      <Statistic
        name="Emails a second"
        testid="stat-rate-now"
        value={shown.emails_per_second_now}
        note={
          <>
            <span data-testid="stat-rate" data-value={shown.emails_per_second}>
              {rate(shown.emails_per_second)}
            </span>{" "}
            overall
          </>
        }
      >
        {rate(shown.emails_per_second_now)}
      </Statistic>
      <Statistic name="Time left" testid="stat-time-left" value={shown.seconds_left} note={timeNote(shown)}>
        {isOver.value || shown.seconds_left === null ? "–" : span(shown.seconds_left)}
      </Statistic>
      <Statistic
        name="Mean duration"
        testid="stat-duration-mean"
        value={shown.avg_duration_ms}
        note={<Percentiles shown={shown} />}
      >
        {milliseconds(shown.avg_duration_ms)}
      </Statistic>
      <Statistic name="Connections" testid="stat-connections" value={shown.connections} note="open now">
        {count(shown.connections)}
      </Statistic>
      <Statistic
        name="Attempts"
        testid="stat-attempts"
        value={shown.attempts}
        note={final > 0 ? `${(shown.attempts / final).toFixed(2)} for each that is done` : "none yet"}
      >
        {count(shown.attempts)}
      </Statistic>
      <Statistic
        name="Success"
        testid="stat-success"
        value={final > 0 ? shown.sent_count / final : null}
        note="of what is done"
      >
        {final > 0 ? percent(shown.sent_count, final) : "–"}
      </Statistic>
    </dl>
  );
}

function timeNote(shown: Figures): string {
  if (isOver.value) return "it is over";
  if (shown.seconds_left !== null) return "at the last minute's rate";
  if (shown.stage === "paused") return "while it is paused";
  return shown.retry_count > 0 && shown.pending_count === 0 ? "waiting for retries" : "not known yet";
}

function Percentiles({ shown }: { shown: Figures }) {
  const parts = [
    ["p50", shown.p50_duration_ms],
    ["p95", shown.p95_duration_ms],
    ["p99", shown.p99_duration_ms],
  ] as const;
  return (
    <span class="percentiles">
      {parts.map(([name, value]) => (
        <span key={name}>
          {name}{" "}
          <b data-testid={`stat-duration-${name}`} data-value={value}>
            {milliseconds(value)}
          </b>
        </span>
      ))}
    </span>
  );
}

function Latest() {
  return (
    <section class="card" aria-labelledby="latest-title">
      <div class="card-head">
        <h2 id="latest-title">Latest recipients</h2>
        <a href={href(["recipients"])}>All recipients</a>
      </div>
      <RecipientsTable caption="Latest recipients" rows={recent.value} empty="Nobody's turn has come yet." />
    </section>
  );
}

function Happened() {
  const lines = useComputed(() => log.value.slice(-LOG_LINES).reverse());
  return (
    <section class="card" aria-labelledby="activity-title">
      <div class="card-head">
        <h2 id="activity-title">Activity</h2>
        <a href={href(["activity"])}>All activity</a>
      </div>
      {lines.value.length === 0 && <p class="empty">Nothing has happened yet.</p>}
      <LogLines lines={lines.value} label="Latest activity" />
    </section>
  );
}
