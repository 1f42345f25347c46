// Every recipient of a run: searched, filtered, a page at a time; the place is in the address and can be shared.
import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as client from "../api/client";
import type { Cursor, Search } from "../api/client";
import { fill, type Filled } from "../api/fill";
import { count, STATUSES, statusWord } from "../format";
import { reason, repeat } from "../parts/answer";
import { Pager } from "../parts/pager";
import { RecipientsTable } from "../parts/recipients-table";
import { SearchField } from "../parts/search";
import { href, replaceRoute, route } from "../route";
import { isOver, watchedJob } from "../state";

const ROWS_MAX = 50;
const REFRESH_MS = 3000;
/** What narrows the list, in the names of the address and of the console. */
const FILTERS = ["search", "status", "domain", "code"] as const;

/** A page of recipients as far as it is known. */
interface Listing {
  filled: Filled | null;
  error: string | null;
}

function read(query: URLSearchParams): { search: Search; cursor: Cursor } {
  const search: Search = {};
  for (const name of FILTERS) search[name] = query.get(name) ?? "";
  const [after, before] = [query.get("after"), query.get("before")];
  return { search, cursor: after ? { after } : before ? { before } : {} };
}

/** Fills the page that the address asks for; with `againMs` it is filled anew, quietly, where one look does it. */
function useListing(job: string | null, query: string, againMs: number | null): Signal<Listing> {
  const listing = useSignal<Listing>({ filled: null, error: null });
  useEffect(() => {
    listing.value = { filled: null, error: null };
  }, [job, query]);
  useEffect(() => {
    if (job === null) return undefined;
    const { search, cursor } = read(new URLSearchParams(query));
    return repeat(againMs, async signal => {
      const filled = listing.peek().filled;
      if (filled !== null && filled.isDone && filled.looks > 1) return;
      const look = (at: Cursor, limit: number) => client.messages(job, search, at, limit, signal);
      try {
        await fill(look, cursor, ROWS_MAX, found => show({ filled: found, error: null }));
      } catch (error) {
        show({ filled, error: reason(error) });
      }

      function show(shown: Listing): void {
        if (!signal.aborted) listing.value = shown;
      }
    });
  }, [job, query, againMs]);
  return listing;
}

export function Recipients() {
  const { query } = route.value;
  const otherJob = query.get("job") ?? undefined;
  const againMs = otherJob || isOver.value ? null : REFRESH_MS;
  const listing = useListing(otherJob ?? watchedJob.value, query.toString(), againMs);
  const { filled, error } = listing.value;
  return (
    <>
      <div class="section-head">
        <h1>Recipients</h1>
        {otherJob && (
          <p>
            of <code>{otherJob}</code> · <a href={href(["recipients"])}>back to the watched run</a>
          </p>
        )}
      </div>
      <section class="card" aria-label="Recipients">
        <Filters query={query} />
        {error && <p class="problem">{error}</p>}
        {filled && (
          <RecipientsTable
            caption="Recipients"
            rows={filled.rows}
            job={otherJob}
            empty={filled.isDone ? "Nobody fits. Change the search or the filters." : "Nobody found so far."}
          />
        )}
        {!filled && !error && <p class="empty">Looking…</p>}
        <div class="table-foot">
          <p class="faint" data-testid="found">
            {filled && progress(filled)}
          </p>
          {filled && (
            <Pager previous={filled.previous} next={filled.next} linkTo={cursor => link(query, cursor)} />
          )}
        </div>
      </section>
    </>
  );
}

/** What has been found, finally or so far. */
function progress({ rows, total, isDone }: Filled): string {
  return isDone
    ? `${count(rows.length)} shown, of ${count(total)} in all`
    : `searching ${count(total)}… ${count(rows.length)} found`;
}

/** The address with other values in its query; a change of filters begins at the first page. */
function link(query: URLSearchParams, changes: Record<string, string | undefined>): string {
  const { after: _, before: __, ...kept } = Object.fromEntries(query);
  return href(["recipients"], { ...kept, ...changes });
}

function Filters({ query }: { query: URLSearchParams }) {
  const change = (name: string) => (value: string) =>
    replaceRoute(link(route.peek().query, { [name]: value.trim() }));
  const isFiltered = FILTERS.some(name => query.get(name));
  return (
    <div class="filters">
      <SearchField label="Search addresses" value={query.get("search") ?? ""} onSearch={change("search")} />
      <label>
        <span>Status</span>
        <select
          value={query.get("status") ?? ""}
          data-testid="filter-status"
          onChange={event => change("status")(event.currentTarget.value)}
        >
          <option value="">Any</option>
          {STATUSES.map(status => (
            <option key={status} value={status}>
              {statusWord(status)}
            </option>
          ))}
        </select>
      </label>
      <Field name="domain" label="Domain" query={query} onChange={change("domain")} />
      <Field name="code" label="Code" query={query} onChange={change("code")} />
      {isFiltered && (
        <a class="button quiet" href={href(["recipients"], { job: query.get("job") ?? undefined })}>
          Clear
        </a>
      )}
    </div>
  );
}

interface FieldProps {
  name: "domain" | "code";
  label: string;
  query: URLSearchParams;
  onChange: (value: string) => void;
}

function Field({ name, label, query, onChange }: FieldProps) {
  return (
    <label>
      <span>{label}</span>
      <input
        type="text"
        class={`field-${name}`}
        value={query.get(name) ?? ""}
        placeholder={name === "code" ? "550" : "example.com"}
        inputMode={name === "code" ? "numeric" : "url"}
        autocomplete="off"
        spellcheck={false}
        data-testid={`filter-${name}`}
        onChange={event => onChange(event.currentTarget.value)}
      />
    </label>
  );
}
