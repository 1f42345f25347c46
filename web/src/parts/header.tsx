// The top of every page: which run or service this is, where it stands, and the way to the other pages.
import type { Traffic } from "../api/service";
import type { ConfigSummary } from "../api/types";
import { count, dateTime, fileName, listName, span } from "../format";
import { href, route } from "../route";
import { config, figures, isOver, now, service, traffic, type Service } from "../state";
import { choose, theme, THEMES } from "../theme";
import { StageBadge } from "./badge";
import { ConnectionState } from "./connection";
import { Controls } from "./controls";
import { Fact } from "./facts";
import { Icon, type IconName } from "./icon";
import { Segments } from "./segments";

/** The pages of a campaign's console, and of the service's. */
const PAGES = [
  { path: [], title: "Overview" },
  { path: ["recipients"], title: "Recipients" },
  { path: ["domains"], title: "Domains" },
  { path: ["activity"], title: "Activity" },
  { path: ["campaigns"], title: "Campaigns" },
];
const SERVICE_PAGES = [
  { path: [], title: "Traffic" },
  { path: ["messages"], title: "Messages" },
  { path: ["statistics"], title: "Statistics" },
  { path: ["nodes"], title: "Nodes" },
];

const THEME_LOOKS = {
  auto: { icon: "auto", name: "Colours as the system says" },
  light: { icon: "sun", name: "Light colours" },
  dark: { icon: "moon", name: "Dark colours" },
} as const;

export function Header() {
  return (
    <header class="top">
      <div class="bar">
        <a class="brand" href={href([])}>
          <svg width="20" height="20" viewBox="0 0 32 32" aria-hidden="true">
            <rect class="brand-plate" width="32" height="32" rx="8" />
            <path class="brand-line" d="m7 11.5 9 6.5 9-6.5M7 11.5h18v10H7z" />
          </svg>
          Glasspost
        </a>
        <Navigation />
        <ConnectionState />
        <Segments
          label="Colours"
          options={THEMES.map(value => {
            const { icon, name } = THEME_LOOKS[value];
            return { value, label: <Icon name={icon} />, name, testid: `theme-${value}` };
          })}
          chosen={theme.value}
          onChoose={choose}
        />
      </div>
      {service.value ? <ServiceHead service={service.value} /> : <RunHead />}
    </header>
  );
}

function Navigation() {
  const here = route.value.path[0];
  return (
    <nav aria-label="Pages">
      {(service.value ? SERVICE_PAGES : PAGES).map(({ path, title }) => (
        <a key={title} href={href(path)} aria-current={path[0] === here ? "page" : undefined}>
          {title}
        </a>
      ))}
    </nav>
  );
}

function RunHead() {
  const shown = figures.value;
  if (shown === null) return null;
  const { name } = shown;
  return (
    <div class={`run ${route.value.path.length > 0 ? "is-brief" : ""}`}>
      <div class="run-title">
        <p class="run-name" data-testid={name ? "run-name" : "job-id"}>
          {name ?? shown.job_id}
        </p>
        <StageBadge stage={shown.stage} />
        {name && (
          <code class="faint" title="Job id" data-testid="job-id">
            {shown.job_id}
          </code>
        )}
      </div>
      <Controls />
      <dl class="facts">
        <Fact name="Started" value={dateTime(shown.start_time)} />
        <Fact name={isOver.value ? "Took" : "Elapsed"} value={span(shown.elapsed_s)} />
        {summary(config.value).map(({ name: fact, value, full }) => (
          <Fact key={fact} name={fact} value={value} title={full ?? undefined} />
        ))}
      </dl>
    </div>
  );
}

function ServiceHead({ service: { version, startedAt } }: { service: Service }) {
  const shown = traffic.value;
  return (
    <div class="run is-brief">
      <div class="run-title">
        <p class="run-name">The service</p>
        {shown && (
          <span class={`badge is-${standing(shown).colour}`} data-testid="active">
            <Icon name={standing(shown).icon} />
            {standing(shown).word}
          </span>
        )}
      </div>
      <dl class="facts">
        <Fact name="Version" value={version} />
        <Fact name="Started" value={dateTime(startedAt)} />
        <Fact name="Up for" value={span((now.value - Date.parse(startedAt)) / 1000)} />
        {shown && <Fact name="Accounts" value={count(shown.totals.accounts)} />}
      </dl>
    </div>
  );
}

/** Whether mail goes out. */
function standing({ active, delivering }: Traffic): { colour: string; icon: IconName; word: string } {
  if (!delivering) return { colour: "failed", icon: "stop", word: "Nobody delivers" };
  return active
    ? { colour: "sending", icon: "arrow", word: "Sending" }
    : { colour: "pending", icon: "pause", word: "Suspended" };
}

/** How the run was started: each with its value, and the value in full where it was cut. */
function summary(
  config: ConfigSummary,
): { name: string; value: string | null; full?: string | null | undefined }[] {
  const batch = config.batch_size ?? 0;
  return [
    { name: "List", value: listName(config), full: config.csv_file || config.sheet_url },
    {
      name: "Template",
      value: config.template_file ? fileName(config.template_file) : null,
      full: config.template_file,
    },
    { name: "Connections", value: config.concurrent_workers ? String(config.concurrent_workers) : null },
    { name: "Retries", value: config.retry_limit?.toString() ?? null },
    { name: "Batch", value: batch > 1 ? String(batch) : null },
    { name: "Filter", value: config.filter_expression || null, full: config.filter_expression },
  ].filter(fact => fact.value !== null);
}
