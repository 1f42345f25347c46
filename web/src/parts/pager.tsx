// The way through pages that are known by their edges, not by numbers.

interface PagerProps {
  previous: number | null;
  next: number | null;
  linkTo: (cursor: { after?: string; before?: string }) => string;
}

export function Pager({ previous, next, linkTo }: PagerProps) {
  return (
    <nav class="pager" aria-label="Pages of recipients">
      <Step title="First" link={previous === null ? null : linkTo({})} />
      <Step title="Previous" link={previous === null ? null : linkTo({ before: String(previous) })} />
      <Step title="Next" link={next === null ? null : linkTo({ after: String(next) })} />
      <Step title="Last" link={next === null ? null : linkTo({ before: "end" })} />
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
