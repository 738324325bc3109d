import { describe, expect, it } from "vitest";
import type { WorkflowDocument } from "./documents";
import { bare, buildGraph, END, START, stepsById } from "./graph";

const document = (steps: WorkflowDocument["steps"], more: Partial<WorkflowDocument> = {}): WorkflowDocument => ({
  workflowId: "w",
  steps,
  ...more,
});

const arrows = (doc: WorkflowDocument) =>
  buildGraph(doc).edges.map((edge) => `${edge.source} → ${edge.target}${edge.label ? ` [${edge.label}]` : ""}`);

describe("the graph of a workflow", () => {
  it("leads from the start to the first step and from the last to an end", () => {
    expect(arrows(document([{ stepId: "a", next: "b" }, { stepId: "b" }]))).toEqual([
      "a → b",
      `b → ${END}`,
      `${START} → a`,
    ]);
  });

  it("starts where startAt says", () => {
    expect(arrows(document([{ stepId: "a" }, { stepId: "b", next: "a" }], { startAt: "b" }))).toContain(`${START} → b`);
  });

  it("draws choices with their conditions and the default", () => {
    const doc = document([
      {
        stepId: "d",
        type: "DECISION",
        choices: [{ condition: "${ input.amount > 100 }", nextStep: "a" }],
        default: "b",
      },
      { stepId: "a" },
      { stepId: "b" },
    ]);
    expect(arrows(doc)).toEqual(expect.arrayContaining(["d → a [input.amount > 100]", "d → b [otherwise]"]));
    expect(arrows(doc)).not.toContain(`d → ${END}`);
  });

  it("draws transitions by outcome, conditional next, failures and time-outs", () => {
    const doc = document([
      { stepId: "h", type: "HUMAN_TASK", transitions: { approve: "a", default: "b" } },
      { stepId: "a", next: [{ nextStepId: "b", condition: "input.x" }, { nextStepId: "h" }] },
      {
        stepId: "b",
        onFailure: { nextStepId: "a", errorHandler: { conditions: [{ errorCode: "DECLINED", nextStepId: "h" }] } },
      },
      { stepId: "e", type: "EVENT_WAIT", next: "b", eventTimeout: { timeoutHandlerStepId: "a" } },
    ]);
    expect(arrows(doc)).toEqual([
      "h → a [approve]",
      "h → b [otherwise]",
      "a → b [input.x]",
      "a → h",
      "b → h [DECLINED]",
      "b → a [on failure]",
      `b → ${END}`,
      "e → b",
      "e → a [timed out]",
      `${START} → h`,
    ]);
  });

  it("puts branches into lanes of a group, between a fork and a join", () => {
    const doc = document([
      {
        stepId: "p",
        type: "PARALLEL",
        join: "ANY",
        branches: [{ name: "left", steps: [{ stepId: "l1", next: "l2" }, { stepId: "l2" }] }],
        parallelBranches: [{ branchId: "right", steps: [{ stepId: "r" }] }],
      },
    ]);
    const graph = buildGraph(doc);
    const parents = Object.fromEntries(graph.nodes.map((node) => [node.id, node.parent]));
    expect(parents).toMatchObject({
      p: null,
      "p/lane/0": "p",
      "p/lane/1": "p",
      l1: "p/lane/0",
      r: "p/lane/1",
      "p/join": "p",
    });
    expect(graph.nodes.find((node) => node.id === "p/join")?.label).toBe("first branch wins");
    expect(graph.nodes.find((node) => node.id === "r")?.pointer).toBe("/steps/0/parallelBranches/0/steps/0");
    expect(arrows(doc)).toEqual([
      "l1 → l2",
      "l2 → p/join",
      "p/fork → l1",
      "r → p/join",
      "p/fork → r",
      `p → ${END}`,
      `${START} → p`,
    ]);
  });

  it("holds the steps of a FOR_EACH in one lane", () => {
    const doc = document([{ stepId: "f", type: "FOR_EACH", items: "${input.lines}", steps: [{ stepId: "x" }] }]);
    expect(buildGraph(doc).nodes.find((node) => node.id === "x")).toMatchObject({
      parent: "f/lane/0",
      pointer: "/steps/0/steps/0",
    });
  });

  it("has no implicit end after an END step", () => {
    const graph = buildGraph(
      document([
        { stepId: "a", next: "z" },
        { stepId: "z", type: "END" },
      ]),
    );
    expect(graph.nodes.map((node) => node.id)).not.toContain(END);
  });

  it("shows a reference that leads nowhere instead of failing", () => {
    const graph = buildGraph(document([{ stepId: "a", next: "ghost" }]));
    expect(graph.nodes.find((node) => node.id === "ghost")?.kind).toBe("missing");
  });

  it("marks steps that a compensation undoes, and the workflow's own failure handler", () => {
    const doc = document([{ stepId: "pay", next: "help" }, { stepId: "help" }], {
      compensationSteps: [{ stepId: "refund", compensationFor: "pay", taskId: "refund-payment" }],
      onFailure: { nextStepId: "help" },
    });
    expect(buildGraph(doc).nodes.find((node) => node.id === "pay")?.compensatedBy).toBe("refund-payment");
    expect(arrows(doc)).toContain("(catch) → help [on failure]");
  });

  it("survives an empty draft", () => {
    expect(buildGraph(document([])).nodes).toHaveLength(1);
  });
});

describe("helpers", () => {
  it("strips the expression wrapper only as a whole", () => {
    expect(bare("${ a == 1 }")).toBe("a == 1");
    expect(bare("a == 1")).toBe("a == 1");
  });

  it("finds nested steps", () => {
    const doc = document([{ stepId: "p", type: "PARALLEL", branches: [{ name: "b", steps: [{ stepId: "in" }] }] }]);
    expect([...stepsById(doc).keys()]).toEqual(["p", "in"]);
  });
});
