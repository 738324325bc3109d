import { describe, expect, it } from "vitest";
import type { HistoryEntry } from "./documents";
import { contiguousUpTo, merge, spans } from "./history";

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

  it("is continued after the last number without a gap", () => {
    expect(contiguousUpTo([])).toBe(0);
    expect(contiguousUpTo([entry(1), entry(2), entry(4)])).toBe(2);
    expect(contiguousUpTo([entry(3)])).toBe(0);
  });
});

describe("spans", () => {
  it("are one per visit, with attempts and how they ended", () => {
    const found = spans([
      entry(1),
      entry(2, "STEP_RETRY_SCHEDULED"),
      entry(3, "STEP_COMPLETED"),
      entry(4, "STEP_STARTED", "a", 2),
      entry(5, "STEP_SKIPPED", "b"),
    ]);
    expect(found.map((span) => [span.stepId, span.visit, span.status, span.attempts, span.to !== null])).toEqual([
      ["a", 1, "COMPLETED", 2, true],
      ["a", 2, "RUNNING", 1, false],
      ["b", 1, "SKIPPED", 0, true],
    ]);
  });
});
