// What happened to one message, in order: each attempt with its phases, the reply and the dialogue.
import type { Attempt, MessageEvent, PhaseTimes, Status } from "../api/types";
import { clockMs, dateTime, milliseconds, words } from "../format";
import { Fact } from "./facts";
import { Icon, type IconName } from "./icon";

const LOOKS: Record<string, [icon: IconName, colour: Status, title: string]> = {
  accepted: ["clock", "pending", "Accepted"],
  delivered: ["check", "sent", "Delivered"],
  deferred: ["retry", "retry", "Deferred"],
  bounced: ["cross", "failed", "Bounced"],
  expired: ["clock", "failed", "Expired"],
  dropped: ["slash", "failed", "Dropped"],
  cancelled: ["slash", "cancelled", "Cancelled"],
  rate_limited: ["pause", "retry", "Held back by a limit"],
  returned: ["cross", "failed", "Came back"],
  receipt: ["info", "sent", "Receipt"],
};

export function Timeline({ events, dueAt }: { events: MessageEvent[]; dueAt: string | null }) {
  return (
    <ol class="timeline">
      {events.map((event, index) => (
        <Step key={event.seq} event={event} next={events[index + 1]?.at ?? dueAt} />
      ))}
    </ol>
  );
}

/** `next` is when the next thing happened or will happen. */
function Step({ event, next }: { event: MessageEvent; next: string | null }) {
  const [icon, colour, title] = LOOKS[event.kind] ?? ["info", "pending", words(event.kind)];
  return (
    <li class={`step is-${colour}`} data-testid="timeline-step" data-kind={event.kind}>
      <span class="step-mark">
        <Icon name={icon} />
      </span>
      <div class="step-body">
        <div class="step-head">
          <h3>
            {title}
            {event.attempt && <span class="faint"> · attempt {event.attempts}</span>}
          </h3>
          <time dateTime={event.at} title={dateTime(event.at)}>
            {dateTime(event.at).slice(0, 10)} {clockMs(event.at)}
          </time>
        </div>
        {event.reason && <p>{event.reason}</p>}
        {event.attempt && <AttemptDetails attempt={event.attempt} />}
        {event.kind === "deferred" && (
          <p class="next-step">Next: another try{next && ` at ${dateTime(next)}`}.</p>
        )}
        {event.kind === "rate_limited" && event.due_at && (
          <p class="next-step">It goes on at {dateTime(event.due_at)}.</p>
        )}
      </div>
    </li>
  );
}

function AttemptDetails({ attempt }: { attempt: Attempt }) {
  return (
    <>
      {attempt.code !== null && (
        <p class="reply">
          <b>
            {attempt.code}
            {attempt.enhanced && ` ${attempt.enhanced}`}
          </b>{" "}
          {attempt.text}
        </p>
      )}
      {attempt.error && <p class="reply">{attempt.error}</p>}
      <dl class="facts">
        <Fact name="Server" value={attempt.remote} />
        <Fact name="TLS" value={attempt.tls ?? "none"} />
        <Fact name="Decided at" value={words(attempt.phase)} />
        {attempt.category && <Fact name="Kind" value={words(attempt.category)} />}
      </dl>
      <Phases times={attempt.times} />
      {attempt.refused_copies.length > 0 && (
        <ul class="copies">
          {attempt.refused_copies.map(copy => (
            <li key={copy}>Copy refused: {copy}</li>
          ))}
        </ul>
      )}
      {attempt.dialogue && <Dialogue text={attempt.dialogue} />}
    </>
  );
}

const PHASES: [keyof PhaseTimes, string][] = [
  ["connect_ms", "Connect"],
  ["hello_ms", "Greeting"],
  ["tls_ms", "TLS"],
  ["authenticate_ms", "Sign-in"],
  ["transaction_ms", "Message"],
];

/** The phases one after the other, each as long as it took. */
function Phases({ times }: { times: PhaseTimes }) {
  const spent = PHASES.map(([key, name], index) => ({ name, ms: times[key] ?? 0, kind: index + 1 }));
  const taken = spent.filter(({ ms }) => ms > 0);
  const total = times.total_ms ?? spent.reduce((sum, { ms }) => sum + ms, 0);
  if (taken.length === 0) return null;
  // Parts that grow by less than 1 in all would leave the bar's end empty.
  const least = Math.min(...taken.map(({ ms }) => ms));
  return (
    <div class="phases">
      <div class="phase-bar" aria-hidden="true">
        {taken.map(({ name, ms, kind }) => (
          <span key={name} class={`phase-${kind}`} style={{ flexGrow: String(ms / least) }} />
        ))}
      </div>
      <ul>
        {taken.map(({ name, ms, kind }) => (
          <li key={name}>
            <span class={`swatch phase-${kind}`} aria-hidden="true" />
            {name} <b>{milliseconds(ms)}</b>
          </li>
        ))}
        <li>
          Together <b>{milliseconds(total)}</b>
        </li>
      </ul>
    </div>
  );
}

function Dialogue({ text }: { text: string }) {
  return (
    <details class="dialogue">
      <summary>SMTP dialogue</summary>
      <pre tabIndex={0} data-testid="dialogue">
        {text.split("\n").map((line, index) => (
          <span
            key={index}
            class={line.startsWith("C:") ? "client" : line.startsWith("S:") ? "server" : "aside"}
          >
            {line}
            {"\n"}
          </span>
        ))}
      </pre>
    </details>
  );
}
