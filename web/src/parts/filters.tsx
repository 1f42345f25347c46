// Fields that narrow what is shown; their values are in the address.
import type { ComponentChildren } from "preact";
import type { Search } from "../api/client";
import { changed } from "./listing";
import { SearchField } from "./search";
import { href, replaceRoute, route } from "../route";

interface FieldFiltersProps {
  page: string;
  query: URLSearchParams;
  fields: readonly { name: keyof Search; label: string; example: string }[];
  /** What stays in the address when all is cleared. */
  kept?: Record<string, string | undefined>;
}

interface FiltersProps extends FieldFiltersProps {
  /** What the search looks through, in words. */
  label: string;
  statuses: readonly (readonly [value: string, word: string])[];
}

/** Puts what was typed or chosen under a name into the address. */
function changer(page: string): (name: string) => (value: string) => void {
  return name => value => replaceRoute(href([page], changed(route.peek().query, { [name]: value.trim() })));
}

export function Filters({ page, query, label, statuses, fields, kept }: FiltersProps) {
  const change = changer(page);
  const isFiltered = ["search", "status", ...fields.map(({ name }) => name)].some(name => query.get(name));
  return (
    <div class="filters">
      <SearchField label={label} value={query.get("search") ?? ""} onSearch={change("search")} />
      <label>
        <span>Status</span>
        <select
          value={query.get("status") ?? ""}
          data-testid="filter-status"
          onChange={event => change("status")(event.currentTarget.value)}
        >
          <option value="">Any</option>
          {statuses.map(([value, word]) => (
            <option key={value} value={value}>
              {word}
            </option>
          ))}
        </select>
      </label>
      <Fields page={page} query={query} fields={fields} />
      {isFiltered && <Clear page={page} kept={kept} />}
    </div>
  );
}

/** Fields alone, and what stands beside them. */
export function FieldFilters(props: FieldFiltersProps & { children: ComponentChildren }) {
  const { page, query, fields, kept, children } = props;
  const isFiltered = fields.some(({ name }) => query.get(name));
  return (
    <div class="filters">
      <Fields page={page} query={query} fields={fields} />
      {isFiltered && <Clear page={page} kept={kept} />}
      {children}
    </div>
  );
}

function Fields({ page, query, fields }: Pick<FieldFiltersProps, "page" | "query" | "fields">) {
  const change = changer(page);
  return (
    <>
      {fields.map(({ name, label, example }) => (
        <label key={name}>
          <span>{label}</span>
          <input
            type="text"
            class={`field-${name}`}
            value={query.get(name) ?? ""}
            placeholder={example}
            inputMode={name === "code" ? "numeric" : "text"}
            autocomplete="off"
            spellcheck={false}
            data-testid={`filter-${name}`}
            onChange={event => change(name)(event.currentTarget.value)}
          />
        </label>
      ))}
    </>
  );
}

function Clear({ page, kept }: { page: string; kept: FieldFiltersProps["kept"] }) {
  return (
    <a class="button quiet" href={href([page], kept)}>
      Clear
    </a>
  );
}
