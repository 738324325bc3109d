/** What a run says about the graph: each node's status and which edges were gone along. */
import type { Instance, StepState } from "./documents";
import { END, type GraphEdge, START, type WorkflowGraph } from "./graph";
import { anyLeft, type Progress, progressOf } from "./progress";

export interface Overlay {
  status: (nodeId: string) => string | null;
  visits: (nodeId: string) => number;
  /** How far the items are, of a FOR_EACH and of the steps inside. */
  progress: (nodeId: string) => Progress | null;
  taken: (edge: GraphEdge) => boolean;
}

export const NO_OVERLAY: Overlay = { status: () => null, visits: () => 0, progress: () => null, taken: () => false };

const LEFT = new Set(["COMPLETED", "SKIPPED", "COMPENSATED"]);
const REACHED = (step: StepState | undefined) => Boolean(step && step.status !== "PENDING");

export function overlayOf(instance: Pick<Instance, "status" | "state">, graph: WorkflowGraph): Overlay {
  const { steps } = instance.state;
  const inner = new Map(graph.nodes.map((node) => [node.id, node]));

  const reached = (id: string): boolean => {
    const node = inner.get(id);
    if (!node) return false;
    if (node.kind === "end") return instance.status === "COMPLETED";
    if (node.kind === "fork") return REACHED(steps[node.parent ?? ""]);
    if (node.kind === "join") return LEFT.has(steps[node.parent ?? ""]?.status ?? "");
    return REACHED(steps[id]);
  };

  const left = (id: string): boolean => {
    if (id === START) return true;
    const node = inner.get(id);
    if (node?.kind === "fork") return REACHED(steps[node.parent ?? ""]);
    return LEFT.has(steps[id]?.status ?? "") || anyLeft(steps[id]);
  };

  return {
    status: (id) => steps[id]?.status ?? "PENDING",
    visits: (id) => steps[id]?.visit ?? 0,
    progress: (id) => progressOf(steps[id]),
    taken: (edge) => {
      if (!reached(edge.target)) return false;
      if (edge.kind === "failure") return steps[edge.source]?.status === "FAILED";
      if (edge.kind === "timeout") return steps[edge.source]?.status === "TIMED_OUT";
      const outcome = steps[edge.source]?.outcome;
      if (edge.kind === "outcome" && outcome) return left(edge.source) && outcome === edge.label;
      if (edge.target === END && instance.status !== "COMPLETED") return false;
      return left(edge.source);
    },
  };
}
