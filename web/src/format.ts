// How numbers, times and codes are written for people.
import type { ConfigSummary, ControlAction, Stage, Status } from "./api/types";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** A count, with thousands apart. */
export function count(value: number): string {
  return whole.format(value);
}

/** A rate: small ones with a digit after the point. */
export function rate(value: number): string {
  return value !== 0 && Math.abs(value) < 100 ? oneDigit.format(value) : whole.format(value);
}

/** A share as percent; never 0 % or 100 % unless it is so. */
export function percent(part: number, all: number): string {
  if (all <= 0 || part <= 0) return "0 %";
  if (part >= all) return "100 %";
  const value = (part / all) * 100;
  if (value < 0.1) return "<0.1 %";
  if (value > 99.9) return ">99.9 %";
  return `${oneDigit.format(value)} %`;
}

/** Milliseconds, in the unit that reads best. */
export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0 ms";
  if (value < 10) return `${oneDigit.format(value)} ms`;
  if (value < 1000) return `${whole.format(value)} ms`;
  if (value < 60_000) return `${(value / 1000).toFixed(value < 10_000 ? 2 : 1)} s`;
  return span(value / 1000);
}

/** A span of time in its two largest units. */
export function span(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  const units: [number, string][] = [
    [Math.floor(total / 86_400), "d"],
    [Math.floor(total / 3600) % 24, "h"],
    [Math.floor(total / 60) % 60, "min"],
    [total % 60, "s"],
  ];
  const first = units.findIndex(([value]) => value > 0);
  if (first === -1) return "0 s";
  const shown = units.slice(first, first + 2).filter(([value]) => value > 0);
  return shown.map(([value, unit]) => `${value} ${unit}`).join(" ");
}

/** Bytes in powers of 1,000. */
export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  if (value < 1_000_000) return `${oneDigit.format(value / 1000)} KB`;
  return `${oneDigit.format(value / 1_000_000)} MB`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** The time of day on this computer's clock. */
export function clock(at: string | number | Date): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** The time of day to the millisecond. */
export function clockMs(at: string): string {
  return `${clock(at)}.${String(new Date(at).getMilliseconds()).padStart(3, "0")}`;
}

/** The day and the time of day on this computer's clock. */
export function dateTime(at: string | number | Date): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(date)}`;
}

/** A wire word as people write it: `unknown_recipient` is "unknown recipient". */
export function words(name: string): string {
  return name.replaceAll("_", " ");
}

const STATUS_WORDS: Record<Status, string> = {
  pending: "Pending",
  sending: "Sending",
  sent: "Sent",
  failed: "Failed",
  retry: "Retry",
  cancelled: "Cancelled",
};

export const STATUSES = Object.keys(STATUS_WORDS) as Status[];

export function statusWord(status: Status): string {
  return STATUS_WORDS[status];
}

const STAGE_WORDS: Record<Stage, string> = {
  starting: "Starting",
  sending: "Sending",
  paused: "Paused",
  stopping: "Stopping",
  completed: "Completed",
  interrupted: "Interrupted",
  unreachable: "Unreachable",
  cancelled: "Cancelled",
  failed: "Broke off",
};

export function stageWord(stage: Stage): string {
  return STAGE_WORDS[stage];
}

const ACTION_WORDS: Record<ControlAction, string> = {
  pause: "Pause",
  resume: "Resume",
  cancel: "Cancel",
  retry_failed: "Retry failed",
};

export function actionWord(action: ControlAction): string {
  return ACTION_WORDS[action];
}

/** Where the recipients come from: the file's name, or the sheet. */
export function listName(config: ConfigSummary): string | null {
  return (config.csv_file && fileName(config.csv_file)) || (config.sheet_url ? "Google Sheet" : null);
}

/** The last part of a path. */
export function fileName(path: string): string {
  return path.split(/[\\/]/).pop() || path;
}
