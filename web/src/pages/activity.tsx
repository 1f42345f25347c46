// Everything that happened lately, as it happens: by level, by words, held still on demand.
import { useComputed, useSignal } from "@preact/signals";
import { LOG_MAX } from "../api/merge";
import type { Level, LogLine } from "../api/types";
import { count } from "../format";
import { LogLines } from "../parts/loglines";
import { SearchField } from "../parts/search";
import { Segments } from "../parts/segments";
import { log } from "../state";

/** Lines drawn at first, and how many more each time. */
const LINES_STEP = 200;
const LEVELS: { value: Level | "all"; label: string }[] = [
  { value: "all", label: "All" },
  { value: "info", label: "Info" },
  { value: "warn", label: "Warnings" },
  { value: "error", label: "Errors" },
];

/** The lines that fit, newest first. */
export function fitting(lines: LogLine[], level: Level | "all", search: string): LogLine[] {
  const part = search.trim().toLowerCase();
  return lines
    .filter(line => (level === "all" || line.level === level) && line.message.toLowerCase().includes(part))
    .reverse();
}

export function Activity() {
  const level = useSignal<Level | "all">("all");
  const search = useSignal("");
  const held = useSignal<LogLine[] | null>(null);
  const shownMax = useSignal(LINES_STEP);
  const lines = useComputed(() => fitting(held.value ?? log.value, level.value, search.value));
  const newest = held.value?.[held.value.length - 1]?.number;
  const fresh = newest === undefined ? 0 : log.value.filter(line => line.number > newest).length;
  return (
    <>
      <h1>Activity</h1>
      <section class="card" aria-label="Activity log">
        <div class="filters">
          <SearchField label="Search the log" value={search.value} onSearch={text => (search.value = text)} />
          <Segments
            label="Level"
            options={LEVELS.map(option => ({ ...option, testid: `level-${option.value}` }))}
            chosen={level.value}
            onChoose={chosen => (level.value = chosen)}
          />
          <button
            type="button"
            aria-pressed={held.value !== null}
            data-testid="hold"
            onClick={() => (held.value = held.value === null ? log.peek() : null)}
          >
            {held.value === null ? "Hold still" : `Go on${fresh > 0 ? ` (${count(fresh)} new)` : ""}`}
          </button>
          <p class="faint">
            {count(lines.value.length)} lines; the latest of each level are kept, {count(LOG_MAX)} at most
          </p>
        </div>
        {lines.value.length === 0 && <p class="empty">No line fits.</p>}
        <LogLines lines={lines.value.slice(0, shownMax.value)} label="Activity, newest first" />
        {lines.value.length > shownMax.value && (
          <button type="button" class="more" onClick={() => (shownMax.value += LINES_STEP)}>
            Show older lines
          </button>
        )}
      </section>
    </>
  );
}
