// What happened over hours, days and months: sums, charts and every span as a row, of all mail or of a tenant's.
import { statistics as askStatistics, type Wanted } from "../api/client";
import {
  ended,
  everySpan,
  failed,
  isNothing,
  type Span,
  type Statistics as Seen,
  type StatisticsRow,
  type Tally,
} from "../api/statistics";
import { Chart } from "../charts/chart";
import { statisticsPlots, TIMES } from "../charts/statistics";
import { clock, count, percent } from "../format";
import { useAnswer } from "../parts/answer";
import { FieldFilters } from "../parts/filters";
import { Segments } from "../parts/segments";
import { Statistic } from "../parts/statistic";
import { Table, type Column } from "../parts/table";
import { href, replaceRoute, route } from "../route";

const PAGE = "statistics";
const REFRESH_MS = 5000;
const DAY_MS = 86_400_000;

/** What can be looked at. */
interface View {
  /** Its name in the address. */
  value: string;
  label: string;
  name: string;
  by: Span;
  /** How far back; without it as far as the service goes by itself. */
  days?: number;
}

const WEEK: View = { value: "week", label: "7 days", name: "the last 7 days", by: "day" };
const VIEWS: View[] = [
  { value: "hours", label: "24 hours", name: "the last 24 hours", by: "hour" },
  WEEK,
  { value: "days", label: "30 days", name: "the last 30 days", by: "day", days: 30 },
  { value: "months", label: "12 months", name: "the last 12 months", by: "month" },
];

const FIELDS = [
  { name: "tenant", label: "Tenant", example: "its id" },
  { name: "account", label: "Account", example: "its id" },
] as const;

export function Statistics() {
  const { query } = route.value;
  const view = VIEWS.find(({ value }) => value === query.get("span")) ?? WEEK;
  const tenant = query.get("tenant") ?? "";
  const account = query.get("account") ?? "";
  const wanted = (): Wanted => ({ by: view.by, from: beginning(view.days), tenant, account });
  const about = [view.value, tenant, account].join(" ");
  const answer = useAnswer(
    async signal => ({ view, about, seen: await askStatistics(wanted(), signal) }),
    [about],
    REFRESH_MS,
  );
  const { value: latest, error } = answer.value;
  // What was asked for before stays until there is an answer, and not beside a refusal.
  const value = error === null || latest?.about === about ? latest : null;
  const span = view === WEEK ? undefined : view.value;
  return (
    <>
      <div class="section-head">
        <h1>Statistics</h1>
        <Segments
          label="Time"
          options={VIEWS.map(({ value, label, name }) => ({ value, label, name, testid: `span-${value}` }))}
          chosen={view.value}
          onChoose={chosen => replaceRoute(href([PAGE], { span: chosen, tenant, account }))}
        />
      </div>
      <section class="card" aria-label="Whose mail">
        <FieldFilters page={PAGE} query={query} fields={FIELDS} kept={{ span }}>
          {value && <CountedUntil at={value.seen.counted_until} />}
        </FieldFilters>
        {error && <p class="problem">{error}</p>}
        {!value && !error && <p class="empty">Looking…</p>}
      </section>
      {value && <Shown seen={value.seen} range={value.view.name} />}
    </>
  );
}

/** Where a look back over so many days begins. */
function beginning(days: number | undefined): string | undefined {
  return days === undefined ? undefined : new Date(Date.now() - (days - 1) * DAY_MS).toISOString();
}

function CountedUntil({ at }: { at: string | null }) {
  return (
    <p class="faint counted" data-testid="counted-until" data-value={at ?? ""}>
      {at === null
        ? "Nothing was counted yet."
        : `Counted until ${clock(at)}. Hours, days and months are those of UTC.`}
    </p>
  );
}

function Shown({ seen, range }: { seen: Seen; range: string }) {
  if (isNothing(seen.total)) {
    return (
      <section class="card">
        <p class="empty" data-testid="nothing">
          No mail in {range}.
        </p>
      </section>
    );
  }
  const { plots, moments } = statisticsPlots(seen);
  return (
    <>
      <Sums total={seen.total} />
      <div class="chart-grid">
        {plots.map(plot => (
          <Chart key={plot.id} plot={plot} steps={moments} range={range} name={PAGE} />
        ))}
      </div>
      <section class="card" aria-label="Every span of time">
        <Table
          key={seen.by}
          caption={`What happened in ${range}, newest first`}
          columns={columns(seen.by)}
          rows={everySpan(seen).reverse()}
          total={{ from: "", ...seen.total }}
          keyOf={row => row.from}
          testid="statistics-row"
          empty="Nothing happened."
        />
      </section>
    </>
  );
}

function Sums({ total }: { total: Tally }) {
  const { accepted, delivered, bounced, expired, dropped } = total;
  const all = ended(total);
  return (
    <dl class="stats card">
      <Statistic name="Accepted" testid="sum-accepted" value={accepted} note="each recipient counts">
        {count(accepted)}
      </Statistic>
      <Statistic name="Delivered" testid="sum-delivered" value={delivered} note={percent(delivered, all)}>
        {count(delivered)}
      </Statistic>
      <Statistic
        name="Failed"
        testid="sum-failed"
        value={failed(total)}
        note={`${count(bounced)} bounced, ${count(expired)} expired, ${count(dropped)} dropped`}
      >
        {count(failed(total))}
      </Statistic>
      <Statistic name="Put off" testid="sum-deferred" value={total.deferred} note="times">
        {count(total.deferred)}
      </Statistic>
      <Statistic name="Limits met" testid="sum-rate-limited" value={total.rate_limited} note="times">
        {count(total.rate_limited)}
      </Statistic>
      <Statistic name="Came back" testid="sum-returned" value={total.returned} note="after delivery">
        {count(total.returned)}
      </Statistic>
    </dl>
  );
}

const SPAN_WORDS: Record<Span, string> = { hour: "Hour", day: "Day", month: "Month" };

function columns(by: Span): Column<StatisticsRow>[] {
  return [
    {
      title: SPAN_WORDS[by],
      class: "whole",
      sortBy: row => row.from,
      cell: row => (row.from === "" ? "All" : TIMES[by].long(Date.parse(row.from) / 1000)),
    },
    counted("Accepted", "accepted"),
    counted("Delivered", "delivered"),
    counted("Bounced", "bounced"),
    counted("Expired", "expired"),
    counted("Dropped", "dropped"),
    counted("Cancelled", "cancelled"),
    counted("Put off", "deferred"),
    counted("Limits met", "rate_limited"),
    counted("Came back", "returned"),
  ];
}

function counted(title: string, kind: keyof Tally): Column<StatisticsRow> {
  return {
    title,
    isNumber: true,
    sortBy: row => row[kind],
    cell: row => (row[kind] === 0 ? <span class="zero">0</span> : count(row[kind])),
  };
}
