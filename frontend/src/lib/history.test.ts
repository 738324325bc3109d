import { describe, expect, it } from "vitest";
import type { HistoryEntry } from "./documents";
import { between, lastOf, merge, spansOf, tail } from "./history";

const entry = (seq: number, type = "STEP_STARTED", stepId = "a", visit = 1): HistoryEntry => ({
  seq,
  at: `2026-01-01T00:00:0${seq}Z`,
  type,
  stepId,
  visit,
});

describe("a history read in pieces", () => {
  it("has each entry once, in order, however the pieces come", () => {
    const merged = merge([entry(1), entry(2)], [entry(4), entry(2), entry(3), entry(3)]);
    expect(merged.map((each) => each.seq)).toEqual([1, 2, 3, 4]);
  });

  it("stays the same object when nothing is new", () => {
    const known = [entry(1)];
    expect(merge(known, [entry(1)])).toBe(known);
  });

  it("has a tail that goes back to the first gap, and ranges", () => {
    const known = [entry(1), entry(2), entry(4), entry(5), entry(6)];
    expect(tail(known).map((each) => each.seq)).toEqual([4, 5, 6]);
    expect(tail([])).toEqual([]);
    expect(lastOf(known)).toBe(6);
    expect(lastOf([])).toBe(0);
    expect(between(known, 2, 4).map((each) => each.seq)).toEqual([2, 4]);
    expect(between(known, 7, 9)).toEqual([]);
  });
});

describe("the bars of a run", () => {
  const at = (second: number) => `2026-01-01T00:00:0${second}Z`;

  it("are one for each step's latest visit, and one for each visit before that the history tells of", () => {
    const history = [
      entry(1),
      entry(2, "STEP_RETRY_SCHEDULED"),
      entry(3, "STEP_COMPLETED"),
      entry(4, "STEP_STARTED", "a", 2),
      entry(5, "STEP_SKIPPED", "b"),
    ];
    const found = spansOf({ a: { status: "WAITING", visit: 2, startedAt: at(4) } }, history);
    expect(found.map((span) => [span.stepId, span.visit, span.status, span.attempts, span.to !== null])).toEqual([
      ["a", 1, "COMPLETED", 2, true],
      ["a", 2, "WAITING", 1, false],
      ["b", 1, "SKIPPED", 0, true],
    ]);
  });

  it("are one for all items of a step, whatever the history tells", () => {
    const visits = { total: 1000, byStatus: { COMPLETED: 975, FAILED: 25 } };
    const steps = { a: { status: "FAILED" as const, startedAt: at(1), completedAt: at(5), visits } };
    const history = Array.from({ length: 8 }, (_, index) =>
      entry(index + 1, index % 2 ? "STEP_COMPLETED" : "STEP_STARTED"),
    );
    expect(spansOf(steps, history)).toEqual([
      { stepId: "a", visit: 1, from: at(1), to: at(5), status: "FAILED", attempts: 1, progress: "975 done, 25 failed" },
    ]);
  });

  it("do not begin where only the end of a visit is known", () => {
    const history = [entry(3, "STEP_COMPLETED"), entry(4, "STEP_STARTED", "a", 2)];
    const found = spansOf({ a: { status: "RUNNING", visit: 2, startedAt: at(4) } }, history);
    expect(found.map((span) => span.visit)).toEqual([2]);
  });
});
