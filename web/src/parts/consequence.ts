// What exactly an intervention will do, with the run's numbers.
import type { ControlAction, Figures } from "../api/types";
import { count } from "../format";

/** The question to ask before an action. */
export interface Consequence {
  title: string;
  effects: string[];
  confirm: string;
}

function messages(number: number): string {
  return number === 1 ? "1 message" : `${count(number)} messages`;
}

export function consequence(action: ControlAction, figures: Figures): Consequence {
  const waiting = figures.pending_count + figures.retry_count;
  const underWay = `${messages(figures.sending_count)} under way will be finished.`;
  switch (action) {
    case "pause":
      return {
        title: "Pause this run?",
        effects: [underWay, `${messages(waiting)} will wait until somebody resumes the run.`],
        confirm: "Pause",
      };
    case "resume":
      return {
        title: "Resume this run?",
        effects: [`Sending goes on with ${messages(waiting)} that wait.`],
        confirm: "Resume",
      };
    case "cancel":
      return {
        title: "Cancel this run?",
        effects: [
          `${messages(waiting)} that wait will be taken back and never sent.`,
          underWay,
          `${messages(figures.sent_count)} already sent stay sent.`,
          "It cannot be undone.",
        ],
        confirm: "Cancel the run",
      };
    case "retry_failed":
      return {
        title: "Retry the failed ones?",
        effects: [
          `${messages(figures.repeatable_count)} that failed will be sent again, each as a new message.`,
          "The failed ones stay in the books as failed; the total grows by the new ones.",
        ],
        confirm: "Retry them",
      };
  }
}

const DONE: Record<ControlAction, string> = {
  pause: "Paused: what is under way is being finished.",
  resume: "Resumed: sending goes on.",
  cancel: "Cancelled: what waited is taken back.",
  retry_failed: "The failed ones are queued again.",
};

/** What to say once it has been carried out. */
export function done(action: ControlAction): string {
  return DONE[action];
}
