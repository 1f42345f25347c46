// The service at one look: how its books stand, how fast it goes, and each account and tenant.
import { useSignal } from "@preact/signals";
import type { QueueRow, Sum, Traffic as Seen } from "../api/service";
import { ChartPanel } from "../charts/panel";
import { trafficPlotsOf } from "../charts/plots";
import { count, percent, rate, span } from "../format";
import { SearchField } from "../parts/search";
import { Segments } from "../parts/segments";
import { Statistic } from "../parts/statistic";
import { Tile } from "../parts/tile";
import { AccountTable, TenantTable } from "../parts/traffic-tables";
import { fits } from "../parts/traffic-words";
import { href } from "../route";
import { points, traffic } from "../state";

/** Seconds over which the rate of this moment is taken. */
const RATE_S = 10;

export function Traffic() {
  const seen = traffic.value;
  if (seen === null) return null;
  return (
    <>
      <h1 class="visually-hidden">Traffic</h1>
      <Books totals={seen.totals} />
      <Numbers seen={seen} />
      <Queues queues={seen.queues} />
      <ChartPanel plotsOf={trafficPlotsOf} name="service" />
      <Rows seen={seen} />
    </>
  );
}

function Books({ totals }: { totals: Sum }) {
  const { accepted, pending, sent, errors, cancelled } = totals;
  const link = (status: string) => href(["messages"], { status });
  return (
    <section class="card progress" aria-labelledby="books-title">
      <div class="progress-head">
        <h2 id="books-title">
          <span class="huge" data-testid="stat-accepted" data-value={accepted}>
            {count(accepted)}
          </span>{" "}
          {accepted === 1 ? "message" : "messages"} accepted
        </h2>
      </div>
      <ul class="statuses">
        <Tile status="sent" number={sent} note={percent(sent, accepted)} link={link("sent")} />
        <Tile status="failed" number={errors} note={percent(errors, accepted)} link={link("failed")} />
        <Tile status="pending" number={pending} note={percent(pending, accepted)} link={link("pending")} />
        {cancelled > 0 && <Tile status="cancelled" number={cancelled} note={percent(cancelled, accepted)} />}
      </ul>
    </section>
  );
}

/** Messages sent a second, over the last seconds. */
function rateNow(seen: Seen): number {
  const from = Math.floor(Date.parse(seen.at) / 1000) - RATE_S;
  const recent = points.value.slice(-RATE_S).filter(({ t }) => t >= from);
  return recent.reduce((sum, { sent }) => sum + sent, 0) / RATE_S;
}

function Numbers({ seen }: { seen: Seen }) {
  const { totals } = seen;
  const now = rateNow(seen);
  const held = totals.troubled + totals.limited;
  return (
    <dl class="stats card">
      <Statistic name="Sent a second" testid="stat-rate-now" value={now} note={`over ${RATE_S} s`}>
        {rate(now)}
      </Statistic>
      <Statistic name="Connections" testid="stat-connections" value={totals.connections} note="open now">
        {count(totals.connections)}
      </Statistic>
      <Statistic
        name="Accounts held up"
        testid="stat-held-up"
        value={held}
        note={`${count(totals.troubled)} with trouble, ${count(totals.limited)} at a limit`}
      >
        {count(held)}
      </Statistic>
      <Statistic name="Put off" testid="stat-deferred" value={totals.deferred} note="times so far">
        {count(totals.deferred)}
      </Statistic>
      <Statistic
        name="Reports waiting"
        testid="stat-reports"
        value={totals.report_backlog}
        note={totals.report_backlog > 0 ? `the oldest for ${span(totals.report_lag_s)}` : "nothing to tell"}
      >
        {count(totals.report_backlog)}
      </Statistic>
      <Statistic name="Limits met" testid="stat-limited" value={totals.rate_limited} note="times so far">
        {count(totals.rate_limited)}
      </Statistic>
    </dl>
  );
}

const STAGES: Record<string, string> = {
  "email:process": "Being made",
  "smtp:deliver": "To be delivered",
  "webhook:deliver": "To be reported",
};

/** What waits at each stage, over all processes. */
function Queues({ queues }: { queues: QueueRow[] }) {
  return (
    <dl class="stats card">
      {queues.map(({ queue, depth, oldest_age_s: age }) => (
        <Statistic
          key={queue}
          name={STAGES[queue] ?? queue}
          testid={`queue-${queue}`}
          value={depth}
          note={age > 0 ? `the oldest for ${span(age)}` : queue}
        >
          {count(depth)}
        </Statistic>
      ))}
    </dl>
  );
}

function Rows({ seen }: { seen: Seen }) {
  const view = useSignal<"accounts" | "tenants">("accounts");
  const search = useSignal("");
  const wanted = search.value.trim().toLowerCase();
  return (
    <section class="card" aria-label="By account and tenant">
      <div class="filters">
        <Segments
          label="Rows"
          options={[
            { value: "accounts", label: "By account", testid: "by-account" },
            { value: "tenants", label: "By tenant", testid: "by-tenant" },
          ]}
          chosen={view.value}
          onChoose={chosen => (view.value = chosen)}
        />
        <SearchField label="Filter by name or trouble" value="" onSearch={text => (search.value = text)} />
      </div>
      {view.value === "accounts" ? (
        <AccountTable
          rows={[...seen.accounts.values()].filter(row => fits(row, wanted))}
          rest={wanted === "" ? seen.other_accounts : null}
        />
      ) : (
        <TenantTable
          rows={[...seen.tenants.values()].filter(row => fits(row, wanted))}
          rest={wanted === "" ? seen.other_tenants : null}
        />
      )}
    </section>
  );
}
