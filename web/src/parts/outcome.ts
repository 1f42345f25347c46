// The sentence on how far a run has come, or on what it came to.
import type { Figures, Stage, Status } from "../api/types";
import { count, percent } from "../format";
import type { IconName } from "./icon";

/** A sentence with its shape and colour. */
export interface Words {
  icon: IconName;
  colour: Status;
  text: string;
}

function outcome(figures: Figures): string {
  const { sent_count: sent, failed_count: failed, total_recipients: total } = figures;
  const left = figures.pending_count + figures.retry_count + figures.sending_count;
  const parts = [`${count(sent)} of ${count(total)} sent (${percent(sent, total)})`];
  if (failed > 0) parts.push(`${count(failed)} failed`);
  if (left > 0) parts.push(`${count(left)} still queued`);
  if (figures.cancelled_count > 0) parts.push(`${count(figures.cancelled_count)} taken back`);
  return `${parts.join(", ")}.`;
}

const ENDINGS: Partial<Record<Stage, [IconName, Status, string]>> = {
  completed: ["check", "sent", "Completed:"],
  cancelled: ["slash", "cancelled", "Cancelled:"],
  interrupted: ["stop", "retry", "Interrupted; it can be resumed:"],
  unreachable: ["broken", "failed", "The relay could not be reached; it can be resumed:"],
  failed: ["cross", "failed", "Broke off by an error; it can be resumed:"],
};

/** The sentence on how far the run has come, where there is one. */
export function stageWords(figures: Figures): Words | null {
  const ending = ENDINGS[figures.stage];
  if (ending) return { icon: ending[0], colour: ending[1], text: `${ending[2]} ${outcome(figures)}` };
  if (figures.stage === "stopping") {
    const text = "Stopping: what is under way is being finished, the rest stays queued.";
    return { icon: "stop", colour: "retry", text };
  }
  if (figures.stage !== "paused") return null;
  const waiting = count(figures.pending_count + figures.retry_count);
  const underWay = figures.sending_count;
  const finishing = underWay > 0 ? ` ${count(underWay)} under way are being finished.` : "";
  return {
    icon: "pause",
    colour: "pending",
    text: `Paused: ${waiting} wait until the run is resumed.${finishing}`,
  };
}
