// The charts of a run and of the service: which lines each has and what their values are.
import { count, rate, words } from "../format";
import type { Steps } from "./series";

/** One line of a chart. */
export interface Line {
  label: string;
  /** The name of the CSS variable with its colour. */
  colour: string;
  values: number[];
  write: (value: number) => string;
  dash?: number[];
  isFilled?: boolean;
  /** Whether it is measured at the right edge, by a scale of its own. */
  isRight?: boolean;
}

/** How the steps of a chart are called that have names: by their beginning, in seconds since 1970. */
export interface Times {
  /** Where others stand beside it. */
  short: (seconds: number) => string;
  long: (seconds: number) => string;
}

/** One chart. */
export interface Plot {
  id: string;
  title: string;
  unit: string;
  lines: Line[];
  /** Whether the lines stand on each other's shoulders. */
  isStacked: boolean;
  /** Whether each step is a bar. */
  isBars?: boolean;
  /** The names of the steps, where they have other ones than the times of a clock. */
  times?: Times;
}

/** Kinds of errors with a colour of their own, the same on every day; the others go together. */
const KINDS = [
  "unknown_recipient",
  "mailbox_full",
  "mailbox_disabled",
  "rate_limited",
  "policy",
  "content",
  "connection",
  "timeout",
  "server",
];

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function deliveryRate(steps: Steps, unit: string): Plot {
  return {
    id: "rate",
    title: "Delivery rate",
    unit,
    isStacked: false,
    lines: [
      { label: "Sent", colour: "--sent-mark", values: steps.sent, write: rate, isFilled: true },
      { label: "Failed", colour: "--failed-mark", values: steps.failed, write: rate, dash: [5, 3] },
      { label: "Deferred", colour: "--retry-mark", values: steps.deferred, write: rate, dash: [2, 3] },
    ],
  };
}

function outcomes(steps: Steps): Plot {
  return {
    id: "outcomes",
    title: "Success and failure",
    unit: "emails so far",
    isStacked: false,
    lines: [
      { label: "Sent", colour: "--sent-mark", values: steps.sentSum, write: count, isFilled: true },
      {
        label: "Failed",
        colour: "--failed-mark",
        values: steps.failedSum,
        write: count,
        dash: [5, 3],
        isFilled: true,
      },
    ],
  };
}

function concurrency(steps: Steps): Plot {
  const throughput = steps.sent.map((value, index) => value + (steps.failed[index] ?? 0));
  return {
    id: "concurrency",
    title: "Throughput and concurrency",
    unit: "left: emails finished a second; right: at once",
    isStacked: false,
    lines: [
      { label: "Finished/s", colour: "--accent", values: throughput, write: rate, isFilled: true },
      ...atOnce(steps),
    ],
  };
}

function atOnce(steps: Steps): Line[] {
  const common = { write: count, isRight: true };
  return [
    { ...common, label: "Connections", colour: "--kind-5", values: steps.connections, dash: [5, 3] },
    { ...common, label: "Under way", colour: "--sending-mark", values: steps.sending, dash: [2, 3] },
  ];
}

function errors(steps: Steps): Plot {
  const common = { write: rate, isFilled: true };
  const lines = KINDS.flatMap((kind, index): Line[] => {
    const values = steps.errors.get(kind);
    return values ? [{ ...common, label: words(kind), colour: `--kind-${index + 1}`, values }] : [];
  });
  const rest = [...steps.errors].filter(([kind]) => !KINDS.includes(kind));
  if (rest.length > 0) {
    const label = rest.length > 2 ? "all others" : rest.map(([kind]) => words(kind)).join(", ");
    const values = steps.t.map((_, index) => sum(rest.map(([, list]) => list[index] ?? 0)));
    lines.push({ ...common, label, colour: "--kind-rest", values });
  }
  return {
    id: "errors",
    title: "Errors by kind",
    unit: "attempts a minute that did not deliver",
    isStacked: true,
    lines,
  };
}

export function plotsOf(steps: Steps): Plot[] {
  return [deliveryRate(steps, "emails a second"), outcomes(steps), concurrency(steps), errors(steps)];
}

/** The charts of the service. */
export function trafficPlotsOf(steps: Steps): Plot[] {
  const rates = deliveryRate(steps, "messages a second");
  const accepted = { label: "Accepted", colour: "--accent", values: steps.accepted, write: rate };
  return [{ ...rates, lines: [accepted, ...rates.lines] }, backlog(steps)];
}

function backlog(steps: Steps): Plot {
  return {
    id: "backlog",
    title: "Waiting and under way",
    unit: "left: messages that wait; right: at once",
    isStacked: false,
    lines: [
      { label: "Waiting", colour: "--pending-mark", values: steps.pending, write: count, isFilled: true },
      ...atOnce(steps),
    ],
  };
}

/** What the canvas draws: with a stacked plot each line is raised by those after it. */
export function drawn(plot: Plot): number[][] {
  if (!plot.isStacked) return plot.lines.map(line => line.values);
  const lists: number[][] = [];
  for (const line of [...plot.lines].reverse()) {
    const below = lists[0];
    lists.unshift(line.values.map((value, index) => value + (below?.[index] ?? 0)));
  }
  return lists;
}

/** The chart in a sentence, for those who do not see it. */
export function summary(plot: Plot, range: string): string {
  const parts = plot.lines.map(({ label, values, write }) => {
    const newest = write(values[values.length - 1] ?? 0);
    return `${label} ${newest} now, ${write(Math.max(0, ...values))} at most`;
  });
  return `${plot.title}, ${plot.unit}, ${range}: ${parts.join("; ") || "nothing so far"}.`;
}
