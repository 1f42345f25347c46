// A page of messages is filled over as many looks as it takes.
import { expect, test } from "vitest";
import type { Cursor } from "../src/api/client";
import { fill, type Filled, type Found } from "../src/api/fill";
import type { Row } from "../src/api/types";

function page(seqs: number[], parts: Partial<Found<Row>> = {}): Found<Row> {
  const rows = seqs.map(seq => ({ seq }) as Row);
  return { rows, previous: null, next: null, looked_to: null, total: 100, ...parts };
}

/** Answers the looks with `pages` in turn; tells where each look began and what came of them. */
async function run(cursor: Cursor, limit: number, pages: Found<Row>[]) {
  const looks: [Cursor, number][] = [];
  const states: Filled<Row>[] = [];
  async function look(at: Cursor, most: number): Promise<Found<Row>> {
    looks.push([at, most]);
    return pages[looks.length - 1] ?? page([]);
  }
  await fill(look, cursor, limit, filled => states.push(filled));
  return { looks, states, last: states.at(-1) };
}

test("one look is enough when nothing cut it short", async () => {
  const { looks, last } = await run({}, 2, [page([1, 2], { next: 2 })]);
  expect(looks).toEqual([[{}, 2]]);
  expect(last).toMatchObject({ next: 2, isDone: true, looks: 1 });
});

test("a look cut short is gone on from until the page is full", async () => {
  const pages = [page([3], { looked_to: 50 }), page([], { looked_to: 90 }), page([95], { next: 95 })];
  const { looks, states, last } = await run({ after: "1" }, 2, pages);
  expect(looks.map(([at]) => at)).toEqual([{ after: "1" }, { after: "50" }, { after: "90" }]);
  expect(looks.map(([, most]) => most)).toEqual([2, 1, 1]);
  expect(states[1]).toMatchObject({ looks: 2, isDone: false });
  expect(last?.rows.map(row => row.seq)).toEqual([3, 95]);
});

test("backwards the rows stay in order and the far edge is the previous one", async () => {
  const pages = [page([80, 90], { looked_to: 60, next: 90 }), page([10], { previous: 10 })];
  const { looks, last } = await run({ before: "end" }, 3, pages);
  expect(looks[1]).toEqual([{ before: "60" }, 1]);
  expect(last?.rows.map(row => row.seq)).toEqual([10, 80, 90]);
  expect(last).toMatchObject({ previous: 10, next: 90 });
});
