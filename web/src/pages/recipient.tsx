// One recipient: what happened to the message, attempt by attempt, and the message as it was rendered.
import * as client from "../api/client";
import type { Row, Timeline as History } from "../api/types";
import { dateTime, milliseconds, words } from "../format";
import { useAnswer } from "../parts/answer";
import { StatusBadge } from "../parts/badge";
import { Facts } from "../parts/facts";
import { Rendered } from "../parts/rendered";
import { Timeline } from "../parts/timeline";
import { href, route } from "../route";
import { recent, watchedJob } from "../state";

export function Recipient({ id }: { id: string }) {
  const otherJob = route.value.query.get("job") ?? undefined;
  const job = otherJob ?? watchedJob.value;
  // Whatever the stream tells of this message is a reason to ask for its history again.
  const news = recent.value.find(row => row.id === id)?.at;
  const answer = useAnswer(
    signal => (job === null ? Promise.resolve(null) : client.timeline(job, id, signal)),
    [job, id, news],
  );
  const { value, error, isMissing } = answer.value;
  return (
    <>
      <p class="crumbs">
        <a href={href(["recipients"], { job: otherJob })}>Recipients{otherJob && ` of ${otherJob}`}</a> /{" "}
        <code>{id}</code>
      </p>
      {value && <Story history={value} otherJob={otherJob} />}
      {!value && <h1>{isMissing ? "No such recipient" : error ? "It cannot be shown" : "Looking…"}</h1>}
      {error && <p class="problem">{error}</p>}
      {value && job !== null && <Rendered key={id} job={job} id={id} />}
    </>
  );
}

function Story({ history, otherJob }: { history: History; otherJob: string | undefined }) {
  const { message, events, due_at } = history;
  return (
    <>
      <div class="section-head recipient-head">
        <h1>{message.email}</h1>
        <StatusBadge status={message.status} />
      </div>
      <MessageFacts message={message} dueAt={due_at} />
      <Relatives history={history} otherJob={otherJob} />
      <section class="card" aria-labelledby="timeline-title">
        <div class="card-head">
          <h2 id="timeline-title">What happened</h2>
        </div>
        <Timeline events={events} dueAt={due_at} />
      </section>
    </>
  );
}

function MessageFacts({ message, dueAt }: { message: Row; dueAt: string | null }) {
  const facts: [string, string | null][] = [
    ["State", words(message.state)],
    ["Attempts", String(message.attempts)],
    ["Duration", message.attempts > 0 ? milliseconds(message.duration_ms) : null],
    ["Accepted", dateTime(message.accepted_at)],
    ["Last change", dateTime(message.at)],
    ["Next try", dueAt && message.attempts > 0 ? dateTime(dueAt) : null],
    ["Number", String(message.seq)],
  ];
  return <Facts facts={facts} />;
}

function Relatives({ history, otherJob }: { history: History; otherJob: string | undefined }) {
  const link = (id: string) => href(["recipients", id], { job: otherJob });
  const { retry_of: first, retried_as: second } = history;
  return (
    <>
      {first && (
        <p class="banner is-retry">
          <span>
            This message repeats one that failed: <a href={link(first)}>the failed one</a>
          </span>
        </p>
      )}
      {second && (
        <p class="banner is-retry">
          <span>
            Somebody asked for another try: <a href={link(second)}>the new message</a>
          </span>
        </p>
      )}
    </>
  );
}
