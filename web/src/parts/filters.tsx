// Fields that narrow a list; their values are in the address.
import type { Search } from "../api/client";
import { changed } from "./listing";
import { SearchField } from "./search";
import { href, replaceRoute, route } from "../route";

interface FiltersProps {
  page: string;
  query: URLSearchParams;
  /** What the search looks through, in words. */
  label: string;
  statuses: readonly (readonly [value: string, word: string])[];
  fields: readonly { name: keyof Search; label: string; example: string }[];
  /** What stays in the address when all is cleared. */
  kept?: Record<string, string | undefined>;
}

export function Filters({ page, query, label, statuses, fields, kept }: FiltersProps) {
  const change = (name: string) => (value: string) =>
    replaceRoute(href([page], changed(route.peek().query, { [name]: value.trim() })));
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
      {fields.map(({ name, label: words, example }) => (
        <label key={name}>
          <span>{words}</span>
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
      {isFiltered && (
        <a class="button quiet" href={href([page], kept)}>
          Clear
        </a>
      )}
    </div>
  );
}
