// Who runs the mailboxes: delivery by provider and by domain, and what their servers answered.
import { useRef } from "preact/hooks";
import * as client from "../api/client";
import type { DomainRow, Figures } from "../api/types";
import { useAnswer } from "../parts/answer";
import { CodeTable, DomainTable, ProviderTable } from "../parts/shares";
import { codes, figures, providers, watchedJob } from "../state";

const DOMAINS_MAX = 200;
const REFRESH_MS = 1000;

/** What changes when anything changes in the table of domains. */
function counts(shown: Figures | null): string {
  if (shown === null) return "";
  const { total_recipients, sent_count, failed_count, attempts } = shown;
  return [total_recipients, sent_count, failed_count, attempts].join();
}

export function Domains() {
  const shownAt = useRef("");
  const answer = useAnswer(
    ask,
    [watchedJob.value],
    REFRESH_MS,
    () => counts(figures.peek()) !== shownAt.current,
  );
  const { value, error } = answer.value;

  /** Asks, and notes at which counts, so that it asks again only when something has happened since. */
  async function ask(signal: AbortSignal): Promise<{ domains: DomainRow[] }> {
    const at = counts(figures.peek());
    const domains = await client.domains(DOMAINS_MAX, signal);
    shownAt.current = at;
    return domains;
  }

  return (
    <>
      <h1>Domains</h1>
      <section class="card" aria-labelledby="providers-title">
        <div class="card-head">
          <h2 id="providers-title">Providers</h2>
        </div>
        <ProviderTable rows={providers.value} />
      </section>
      <section class="card" aria-labelledby="domains-title">
        <div class="card-head">
          <h2 id="domains-title">Domains</h2>
          <p class="faint">the {DOMAINS_MAX} with the most messages; choose one to see its recipients</p>
        </div>
        {error && value === null && <p class="empty">{error}</p>}
        {value && <DomainTable rows={value.domains} />}
      </section>
      <section class="card" aria-labelledby="codes-title">
        <div class="card-head">
          <h2 id="codes-title">SMTP replies</h2>
        </div>
        <CodeTable codes={codes.value} />
      </section>
    </>
  );
}
