// Who runs the mailboxes: delivery by provider and by domain, and what their servers answered.
import * as client from "../api/client";
import { useAnswer } from "../parts/answer";
import { CodeTable, DomainTable, ProviderTable } from "../parts/shares";
import { codes, isOver, providers, watchedJob } from "../state";

const DOMAINS_MAX = 200;
const REFRESH_MS = 3000;

export function Domains() {
  const againMs = isOver.value ? null : REFRESH_MS;
  const answer = useAnswer(signal => client.domains(DOMAINS_MAX, signal), [watchedJob.value], againMs);
  const { value, error } = answer.value;
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
