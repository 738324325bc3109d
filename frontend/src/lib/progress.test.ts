import { describe, expect, it } from "vitest";
import { anyLeft, progressOf } from "./progress";

describe("how far items are", () => {
  it("counts a FOR_EACH's items among all of them", () => {
    const items = { total: 10_000, byStatus: { COMPLETED: 37, FAILED: 3, RUNNING: 10, PENDING: 9_950 } };
    expect(progressOf({ status: "RUNNING", items })).toMatchObject({
      done: 37,
      failed: 3,
      total: 10_000,
      text: "37 of 10,000, 3 failed",
    });
  });

  it("does not guess how often a step inside an item will run", () => {
    const visits = { total: 5, byStatus: { COMPLETED: 3, SKIPPED: 1, WAITING: 1 } };
    expect(progressOf({ status: "WAITING", visits })?.text).toBe("4 done");
  });

  it("has nothing to say of any other step", () => {
    expect(progressOf({ status: "COMPLETED" })).toBeNull();
    expect(progressOf(undefined)).toBeNull();
    expect(anyLeft({ status: "COMPLETED" })).toBe(false);
  });
});
