import { describe, expect, it } from "vitest";
import type { Instance, StepStatus, WorkflowDocument } from "./documents";
import { buildGraph, END } from "./graph";
import { overlayOf } from "./overlay";

const document: WorkflowDocument = {
  workflowId: "w",
  steps: [
    { stepId: "ask", type: "HUMAN_TASK", transitions: { approve: "pay", reject: "tell" } },
    { stepId: "pay", next: "tell", onFailure: { nextStepId: "tell" } },
    { stepId: "tell" },
  ],
};

function taken(status: Instance["status"], steps: Record<string, { status: StepStatus; outcome?: string }>): string[] {
  const graph = buildGraph(document);
  const overlay = overlayOf({ status, state: { steps, variables: {}, currentStepId: null, waitingFor: [] } }, graph);
  return graph.edges
    .filter(overlay.taken)
    .map((edge) => `${edge.source}→${edge.target}${edge.label && ` ${edge.label}`}`);
}

describe("the way a run went", () => {
  it("follows the outcome, not every edge between two reached steps", () => {
    expect(
      taken("RUNNING", {
        ask: { status: "COMPLETED", outcome: "approve" },
        pay: { status: "COMPLETED" },
        tell: { status: "RUNNING" },
      }),
    ).toEqual(["ask→pay approve", "pay→tell", "(start)→ask"]);
  });

  it("takes the failure edge only after a failure", () => {
    expect(
      taken("COMPLETED", {
        ask: { status: "COMPLETED", outcome: "approve" },
        pay: { status: "FAILED" },
        tell: { status: "COMPLETED" },
      }),
    ).toEqual(["ask→pay approve", "pay→tell on failure", `tell→${END}`, "(start)→ask"]);
  });

  it("stops where the run stands", () => {
    expect(taken("RUNNING", { ask: { status: "WAITING" } })).toEqual(["(start)→ask"]);
  });
});
