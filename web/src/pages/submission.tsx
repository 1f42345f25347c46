// One submission: what it is, where each recipient's message stands, and what happened to one of them.
import * as client from "../api/client";
import type { Story } from "../api/service";
import { count, dateTime, words } from "../format";
import { useAnswer } from "../parts/answer";
import { StatusBadge } from "../parts/badge";
import { Facts } from "../parts/facts";
import { Table } from "../parts/table";
import { Timeline } from "../parts/timeline";
import { href, route } from "../route";

const REFRESH_MS = 3000;
/** Recipients drawn at first. */
const STEP = 50;

export function Submission({ pk }: { pk: string }) {
  const recipient = route.value.query.get("recipient") ?? undefined;
  const answer = useAnswer(signal => client.submission(pk, recipient, signal), [pk, recipient], REFRESH_MS);
  const { value, error, isMissing } = answer.value;
  return (
    <>
      <p class="crumbs">
        <a href={href(["messages"])}>Messages</a> / <code>{pk}</code>
      </p>
      {value && <Told story={value} />}
      {!value && <h1>{isMissing ? "No such message" : error ? "It cannot be shown" : "Looking…"}</h1>}
      {error && <p class="problem">{error}</p>}
    </>
  );
}

function Told({ story }: { story: Story }) {
  const { submission, recipients, message } = story;
  const chosen = recipients.find(({ id }) => id === message);
  const isOne = recipients.length === 1;
  return (
    <>
      <div class="section-head recipient-head">
        <h1>{submission.id}</h1>
        <StatusBadge status={submission.status} />
      </div>
      <Facts
        facts={[
          ["Subject", story.subject],
          ["From", story.from],
          ["To", isOne ? submission.email : null],
          ["Tenant", submission.tenant_id],
          ["Account", submission.account_id],
          ["Priority", words(submission.priority)],
          ["Batch", submission.batch_code],
          ["Attachments", story.attachments.join(", ") || null],
          ["Accepted", dateTime(submission.created_at)],
          ["Last change", dateTime(submission.at)],
          ["Not before", submission.deferred_until && dateTime(submission.deferred_until)],
          ["Next try", story.due_at && dateTime(story.due_at)],
        ]}
      />
      {submission.held && (
        <p class="banner is-pending">Its tenant holds it back: it is not sent until that ends.</p>
      )}
      {!isOne && <Recipients story={story} />}
      <section class="card" aria-labelledby="timeline-title">
        <div class="card-head">
          <h2 id="timeline-title">What happened{!isOne && chosen && ` to the message to ${chosen.email}`}</h2>
        </div>
        <Timeline events={story.events} dueAt={story.due_at} />
      </section>
    </>
  );
}

function Recipients({ story: { submission, recipients } }: { story: Story }) {
  const link = (id: string) => href(["messages", submission.pk], { recipient: id });
  return (
    <section class="card" aria-labelledby="recipients-title">
      <div class="card-head">
        <h2 id="recipients-title">{count(recipients.length)} recipients</h2>
      </div>
      <Table
        caption="Recipients"
        columns={[
          { title: "Email", class: "email", cell: row => <a href={link(row.id)}>{row.email}</a> },
          { title: "Status", class: "status", cell: row => <StatusBadge status={row.status} /> },
          { title: "Attempts", isNumber: true, cell: row => count(row.attempts) },
          { title: "Error", class: "words", cell: row => row.error ?? "" },
        ]}
        rows={recipients}
        keyOf={row => row.id}
        linkOf={row => link(row.id)}
        testid="recipient-row"
        empty="Nobody."
        step={STEP}
      />
    </section>
  );
}
