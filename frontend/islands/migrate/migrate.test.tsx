import { describe, expect, it } from "vitest";
import { consequences as split, withShare } from "../traffic";
import { consequences, lost, preselected, type Position, type RunVerdict, summary, verdictAddress } from "./verdict";

const position = (more: Partial<Position>): Position => ({
  stepId: "ask",
  instances: 3,
  verdict: "NEEDS_MAPPING",
  message: "",
  suggested: null,
  candidates: ["decide", "other"],
  ...more,
});

const verdict = (positions: Position[], instances: [number, number, number]): RunVerdict => ({
  from: "1.0.0",
  to: "2.0.0",
  verdict: "NEEDS_MAPPING",
  positions,
  instances: { COMPATIBLE: instances[0], NEEDS_MAPPING: instances[1], IMPOSSIBLE: instances[2] },
  mapping: {},
  notExamined: 0,
});

describe("the verdict on runs", () => {
  it("preselects what is suggested and leaves the rest to people", () => {
    const found = verdict([position({ suggested: "decide" }), position({ stepId: "pay" })], [0, 6, 0]);
    expect([...lost(found).keys()]).toEqual(["ask", "pay"]);
    expect(preselected(found)).toEqual({ ask: "decide" });
  });

  it("asks for the verdict under a mapping", () => {
    expect(verdictAddress("a b", verdict([], [0, 0, 0]), { ask: "decide" })).toBe(
      "workflows/definitions/a%20b/verdict?from=1.0.0&to=2.0.0&map=ask%3Adecide",
    );
  });

  it("is summed up in a sentence", () => {
    expect(summary(verdict([], [2, 1, 3]))).toBe(
      "2 runs can go on with 2.0.0, 1 run could if you say where, 3 runs cannot.",
    );
    expect(summary(verdict([], [0, 0, 3]))).toBe("None of the 3 runs can go on with 2.0.0.");
    expect(summary(verdict([], [0, 3, 0]))).toBe("3 runs could go on with 2.0.0 if you say where.");
    expect(summary(verdict([], [0, 0, 0]))).toBe("No run is under way any more.");
  });

  it("says before a migration who moves and who stays", () => {
    const found = consequences(verdict([], [1, 0, 2]), { ask: "decide" });
    expect(found[0]).toBe("1 run goes on with 2.0.0 from where it stands.");
    expect(found).toContain("What stands at ask stands at decide then.");
    expect(found).toContain("2 runs stay on 1.0.0.");
  });
});

describe("a split of new starts", () => {
  it("gives the rest to the other of two versions", () => {
    expect(withShare({ "2": 100 }, ["2", "1"], "2", 10)).toEqual({ "2": 10, "1": 90 });
    expect(withShare({ "2": 10, "1": 90 }, ["2", "1"], "1", 120)).toEqual({ "2": 0, "1": 100 });
    expect(withShare({ "3": 100 }, ["3", "2", "1"], "3", 50)).toEqual({ "3": 50 });
  });

  it("is told in percent", () => {
    expect(split({ "2": 10, "1": 90 }, "2")[0]).toContain("10 % to 2");
    expect(split({ "2": 100, "1": 0 }, "2")[0]).toBe("All new starts go to 2.");
  });
});
