// One page of a list: its filters, its rows, how many were found, and the way to the other pages.
import type { ComponentChildren } from "preact";
import type { Filled } from "../api/fill";
import { href } from "../route";
import { changed, type Listing } from "./listing";
import { Pager } from "./pager";

interface ListingCardProps<T> {
  label: string;
  page: string;
  query: URLSearchParams;
  listing: Listing<T>;
  filters: ComponentChildren;
  table: (filled: Filled<T>) => ComponentChildren;
  progress: (filled: Filled<T>) => string;
  isNewestFirst?: boolean;
}

export function ListingCard<T>(props: ListingCardProps<T>) {
  const { label, page, query, listing, filters, table, progress, isNewestFirst } = props;
  const { filled, error } = listing;
  return (
    <section class="card" aria-label={label}>
      {filters}
      {error && <p class="problem">{error}</p>}
      {filled && table(filled)}
      {!filled && !error && <p class="empty">Looking…</p>}
      <div class="table-foot">
        <p class="faint" data-testid="found">
          {filled && progress(filled)}
        </p>
        {filled && (
          <Pager
            label={`Pages of ${label.toLowerCase()}`}
            previous={filled.previous}
            next={filled.next}
            isNewestFirst={isNewestFirst}
            linkTo={cursor => href([page], changed(query, { ...cursor }))}
          />
        )}
      </div>
    </section>
  );
}
