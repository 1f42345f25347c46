// The service's updates become one view, and what holds something up is said in words.
import { describe, expect, test } from "vitest";
import {
  mergeTraffic,
  type AccountRow,
  type Sum,
  type SubmissionRow,
  type TenantRow,
  type TrafficUpdate,
} from "../src/api/service";
import { stepsOf } from "../src/charts/series";
import { trafficPlotsOf } from "../src/charts/plots";
import { accountWords, fits, reportWords, submissionWords } from "../src/parts/traffic-words";

function account(pk: number, parts: Partial<AccountRow> = {}): AccountRow {
  const row = { pk, account_id: `a${pk}`, tenant_id: "acme", tenant_name: null, trouble: null };
  return { ...row, limited_until: null, ...parts } as AccountRow;
}

function update(parts: Partial<TrafficUpdate>): TrafficUpdate {
  const nothing = { accounts: [], gone_accounts: [], tenants: [], gone_tenants: [], points: [] };
  return { kind: "delta", ...nothing, ...parts } as unknown as TrafficUpdate;
}

describe("mergeTraffic", () => {
  const snapshot = update({ kind: "snapshot", accounts: [account(1), account(2)] });

  test("a delta places what changed and takes away what is gone", () => {
    const first = mergeTraffic(null, snapshot);
    const second = mergeTraffic(
      first,
      update({ accounts: [account(2, { sent: 5 }), account(3)], gone_accounts: [1] }),
    );
    expect([...(second?.accounts.keys() ?? [])]).toEqual([2, 3]);
    expect(second?.accounts.get(2)?.sent).toBe(5);
    expect(first?.accounts.size).toBe(2);
    expect(second?.tenants).toBe(first?.tenants);
  });

  test("a snapshot replaces everything; without one a delta says nothing, and a gap keeps what is", () => {
    expect(mergeTraffic(null, update({}))).toBeNull();
    const first = mergeTraffic(null, snapshot);
    expect(mergeTraffic(first, { kind: "gap" })).toBe(first);
    const other = mergeTraffic(first, update({ kind: "snapshot", accounts: [account(9)] }));
    expect([...(other?.accounts.keys() ?? [])]).toEqual([9]);
  });

  test("a service that was started anew leaves what the charts have", () => {
    const at = (t: number) => ({ t, sent: 1 }) as unknown as TrafficUpdate["points"][0];
    const first = mergeTraffic(null, update({ kind: "snapshot", points: [at(1), at(2), at(3)] }));
    const again = mergeTraffic(first, update({ kind: "snapshot", points: [at(3), at(9)] }));
    expect(again?.points.map(({ t }) => t)).toEqual([1, 2, 3, 9]);
    expect(mergeTraffic(again, update({ kind: "snapshot" }))?.points).toEqual(again?.points);
  });

  test("points come to charts of what was accepted and what waits", () => {
    const point = { span: 1, sent: 2, failed: 0, deferred: 0, connections: 1, sending: 1 };
    const view = mergeTraffic(
      mergeTraffic(null, snapshot),
      update({ points: [{ ...point, t: 100, accepted: 4, pending: 7 }] }),
    );
    const [rates, backlog] = trafficPlotsOf(stepsOf(view?.points ?? [], null, 101));
    expect(rates?.lines.map(({ label, values }) => [label, values[0]])).toEqual([
      ["Accepted", 4],
      ["Sent", 2],
      ["Failed", 0],
      ["Deferred", 0],
    ]);
    expect(backlog?.lines[0]?.values).toEqual([7]);
  });
});

describe("words", () => {
  test("an account's trouble and limit", () => {
    expect(accountWords(account(1))).toBe("");
    const at = "2020-01-02T03:04:05.000Z";
    const both = accountWords(account(1, { trouble: "535 no", limited_until: at }));
    expect(both).toMatch(/^535 no\. Limit met; it goes on at 2020-01-0\d \d\d:04:05\.$/);
  });

  test("a filter looks at names and at trouble", () => {
    const row = account(7, { tenant_name: "Acme Ltd", trouble: "535 Bad credentials" });
    expect(["a7", "acme l", "bad cred", "", "nobody"].map(part => fits(row, part))).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
  });

  test("reports that wait, are refused, or are not wanted now", () => {
    const row = { report_backlog: 0, report_lag_s: 0 } as Sum;
    expect(reportWords(row)).toBe("");
    expect(reportWords({ ...row, report_backlog: 1200, report_lag_s: 90 })).toBe(
      "1,200 waiting, the oldest for 1 min 30 s",
    );
    const tenant = { ...row, in_dnd: false, report_failures: 1 } as TenantRow;
    expect(reportWords(tenant)).toBe("failed once");
    expect(reportWords({ ...tenant, report_failures: 2 })).toBe("failed 2 times in a row");
  });

  test("what there is to say of a submission", () => {
    const row = { recipients: 1, sent: 0, failed: 0, attempts: 0, held: false } as SubmissionRow;
    expect(submissionWords(row)).toBe("");
    expect(submissionWords({ ...row, held: true })).toBe("Held back by its tenant.");
    expect(submissionWords({ ...row, recipients: 3, sent: 2, failed: 1, error: "550 no" })).toBe(
      "2 of 3 sent, 1 failed. 550 no",
    );
    const due_at = "2020-01-02T03:04:05.000Z";
    expect(submissionWords({ ...row, attempts: 1, error: "452 full", due_at })).toMatch(
      /^452 full\. Next try at /,
    );
  });
});
