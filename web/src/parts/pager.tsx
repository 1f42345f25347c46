// The way through pages that are known by their edges, not by numbers.

import type { Cursor } from "../api/client";

interface PagerProps {
  label: string;
  previous: number | null;
  next: number | null;
  /** Whether the list begins with its last row. */
  isNewestFirst?: boolean | undefined;
  linkTo: (cursor: Cursor) => string;
}

export function Pager({ label, previous, next, isNewestFirst, linkTo }: PagerProps) {
  const back = previous === null ? null : linkTo({ before: String(previous) });
  const on = next === null ? null : linkTo({ after: String(next) });
  return (
    <nav class="pager" aria-label={label}>
      {isNewestFirst ? (
        <>
          <Step title="Newest" link={on && linkTo({})} />
          <Step title="Newer" link={on} />
          <Step title="Older" link={back} />
          <Step title="Oldest" link={back && linkTo({ after: "0" })} />
        </>
      ) : (
        <>
          <Step title="First" link={back && linkTo({})} />
          <Step title="Previous" link={back} />
          <Step title="Next" link={on} />
          <Step title="Last" link={on && linkTo({ before: "end" })} />
        </>
      )}
    </nav>
  );
}

function Step({ title, link }: { title: string; link: string | null }) {
  const testid = `page-${title.toLowerCase()}`;
  if (link === null) {
    return (
      <span class="button" aria-disabled="true" data-testid={testid}>
        {title}
      </span>
    );
  }
  return (
    <a class="button" href={link} data-testid={testid}>
      {title}
    </a>
  );
}
