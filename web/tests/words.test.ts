// What is said about the run: what an intervention will do, and how the run came out.
import { expect, test } from "vitest";
import type { Figures, Stage } from "../src/api/types";
import { consequence } from "../src/parts/consequence";
import { stageWords } from "../src/parts/outcome";

function figures(stage: Stage, parts: Partial<Figures> = {}): Figures {
  const counts = {
    pending_count: 3000,
    retry_count: 40,
    sending_count: 12,
    sent_count: 900,
    failed_count: 7,
  };
  return { stage, total_recipients: 3959, cancelled_count: 0, ...counts, ...parts } as Figures;
}

test("the question tells in numbers what will happen", () => {
  const { effects } = consequence("cancel", figures("sending"));
  expect(effects[0]).toBe("3,040 messages that wait will be taken back and never sent.");
  expect(effects).toContain("12 messages under way will be finished.");
});

test("only those are retried that nothing repeats yet", () => {
  const { effects } = consequence("retry_failed", figures("completed", { repeatable_count: 3 }));
  expect(effects[0]).toBe("3 messages that failed will be sent again, each as a new message.");
});

test("the end tells what it came to", () => {
  const left = { pending_count: 0, retry_count: 0, sending_count: 0, total_recipients: 907 };
  expect(stageWords(figures("completed", left))?.text).toBe("Completed: 900 of 907 sent (99.2 %), 7 failed.");
  expect(stageWords(figures("sending"))).toBeNull();
});
