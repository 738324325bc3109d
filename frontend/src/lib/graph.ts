/**
 * The graph of a workflow document: nodes per step, edges from everything that can lead from one step to another.
 *
 * Pure and total: a faulty draft gives a graph too, with a `missing` node wherever a reference leads nowhere. The
 * monitor draws it with states on top, the designer edits the document and derives it again.
 */
import type { FailureHandler, StepDocument, WorkflowDocument } from "./documents";
import { joinLabel, stepName, stepSummary, stepType } from "./steps";

/** `group` holds branches, `lane` is one branch, `fork`/`join` stand inside a group, `catch` is the workflow's onFailure. */
export type NodeKind = "start" | "step" | "group" | "lane" | "fork" | "join" | "end" | "catch" | "missing";
export type EdgeKind = "next" | "choice" | "default" | "outcome" | "failure" | "timeout" | "flow";

export interface GraphNode {
  id: string;
  kind: NodeKind;
  label: string;
  summary: string;
  /** Step type for `step` and `group`, "" otherwise. */
  type: string;
  stepId: string | null;
  /** Id of the containing group or lane. */
  parent: string | null;
  /** JSON Pointer of the step in the document. */
  pointer: string;
  /** Task that undoes this step, when one is declared. */
  compensatedBy: string | null;
}

export interface GraphEdge {
  id: string;
  source: string;
  target: string;
  kind: EdgeKind;
  label: string;
}

export interface WorkflowGraph {
  nodes: GraphNode[];
  edges: GraphEdge[];
}

export const START = "(start)";
export const END = "(end)";
export const CATCH = "(catch)";

interface Leading {
  target: string;
  kind: EdgeKind;
  label: string;
}

export function buildGraph(document: WorkflowDocument): WorkflowGraph {
  return new GraphBuilder(document).build();
}

class GraphBuilder {
  private readonly nodes = new Map<string, GraphNode>();
  private readonly edges = new Map<string, GraphEdge>();
  private readonly compensation: Map<string, string>;

  constructor(private readonly document: WorkflowDocument) {
    this.compensation = new Map(
      (document.compensationSteps ?? []).map((entry) => [entry.compensationFor, entry.taskId ?? entry.stepId]),
    );
  }

  build(): WorkflowGraph {
    const steps = this.document.steps ?? [];
    const first = this.document.startAt ?? steps[0]?.stepId;
    this.node({ id: START, kind: "start", label: "Start" });
    this.addSteps(steps, null, "/steps");
    this.connect(steps, END);
    if (first) this.edge(START, { target: first, kind: "next", label: "" });
    const caught = failureLeads(this.document.onFailure);
    if (caught.length > 0) {
      this.node({ id: CATCH, kind: "catch", label: "On any failure" });
      for (const lead of caught) this.edge(CATCH, lead);
    }
    this.markDangling();
    return { nodes: [...this.nodes.values()], edges: [...this.edges.values()] };
  }

  private node(given: Partial<GraphNode> & Pick<GraphNode, "id" | "kind" | "label">): void {
    this.nodes.set(given.id, {
      summary: "",
      type: "",
      stepId: null,
      parent: null,
      pointer: "",
      compensatedBy: null,
      ...given,
    });
  }

  private edge(source: string, lead: Leading): void {
    const id = `${source}→${lead.target}#${lead.kind}:${lead.label}`;
    this.edges.set(id, { id, source, target: lead.target, kind: lead.kind, label: lead.label });
  }

  private addSteps(steps: StepDocument[], parent: string | null, pointer: string): void {
    steps.forEach((step, index) => {
      const at = `${pointer}/${index}`;
      const lanes = lanesOf(step);
      this.node({
        id: step.stepId,
        kind: lanes.length > 0 ? "group" : "step",
        label: stepName(step),
        summary: stepSummary(step),
        type: stepType(step),
        stepId: step.stepId,
        parent,
        pointer: at,
        compensatedBy: this.compensation.get(step.stepId) ?? null,
      });
      if (lanes.length > 0) this.addLanes(step, lanes, at);
    });
  }

  private addLanes(step: StepDocument, lanes: Lane[], pointer: string): void {
    const fork = `${step.stepId}/fork`;
    const join = `${step.stepId}/join`;
    const parent = step.stepId;
    const parallel = stepType(step) === "PARALLEL";
    this.node({ id: fork, kind: "fork", label: parallel ? "" : "each item", parent });
    this.node({ id: join, kind: "join", label: parallel ? joinLabel(step) : "all items", parent });
    lanes.forEach((lane, index) => {
      const id = `${step.stepId}/lane/${index}`;
      const at = lane.path ? `${pointer}/${lane.path}` : pointer;
      this.node({ id, kind: "lane", label: lane.name, parent, pointer: at });
      this.addSteps(lane.steps, id, `${at}/steps`);
      this.connect(lane.steps, join);
      const first = lane.steps[0]?.stepId;
      this.edge(fork, { target: first ?? join, kind: "flow", label: "" });
    });
  }

  /** Adds the edges of these steps; a path that ends here leads to `exit`. */
  private connect(steps: StepDocument[], exit: string): void {
    for (const step of steps) {
      const type = stepType(step);
      for (const lead of [...forwardLeads(step), ...failureLeads(step.onFailure), ...timeoutLeads(step)]) {
        this.edge(step.stepId, lead);
      }
      if (type !== "END" && endsItsPath(step)) {
        if (exit === END && !this.nodes.has(END)) this.node({ id: END, kind: "end", label: "End" });
        this.edge(step.stepId, { target: exit, kind: "next", label: "" });
      }
    }
  }

  private markDangling(): void {
    for (const edge of this.edges.values()) {
      if (this.nodes.has(edge.target)) continue;
      this.node({ id: edge.target, kind: "missing", label: edge.target, summary: "no such step" });
    }
  }
}

interface Lane {
  name: string;
  steps: StepDocument[];
  /** Path below the step, as it stands in the document. */
  path: string;
}

function lanesOf(step: StepDocument): Lane[] {
  const type = stepType(step);
  if (type === "PARALLEL") {
    const named = (step.branches ?? []).map((branch, index) => ({
      name: branch.name ?? `Branch ${index + 1}`,
      steps: branch.steps ?? [],
      path: `branches/${index}`,
    }));
    const identified = (step.parallelBranches ?? []).map((branch, index) => ({
      name: branch.branchId ?? `Branch ${index + 1}`,
      steps: branch.steps ?? [],
      path: `parallelBranches/${index}`,
    }));
    return [...named, ...identified];
  }
  // The steps of a FOR_EACH stand directly under it.
  if (type === "FOR_EACH" && step.steps?.length) return [{ name: "Each item", steps: step.steps, path: "" }];
  return [];
}

function forwardLeads(step: StepDocument): Leading[] {
  const leads: Leading[] = [];
  if (stepType(step) === "DECISION") {
    for (const choice of step.choices ?? []) {
      leads.push({ target: choice.nextStep, kind: "choice", label: bare(choice.condition) });
    }
    if (step.default) leads.push({ target: step.default, kind: "default", label: "otherwise" });
  }
  for (const [outcome, target] of Object.entries(step.transitions ?? {})) {
    const fallback = outcome === "default";
    leads.push({ target, kind: fallback ? "default" : "outcome", label: fallback ? "otherwise" : outcome });
  }
  if (typeof step.next === "string") leads.push({ target: step.next, kind: "next", label: "" });
  else {
    for (const entry of step.next ?? []) {
      leads.push({
        target: entry.nextStepId,
        kind: entry.condition ? "choice" : "next",
        label: entry.condition ? bare(entry.condition) : "",
      });
    }
  }
  return leads;
}

function failureLeads(handler: FailureHandler | undefined): Leading[] {
  if (!handler) return [];
  const leads: Leading[] = (handler.errorHandler?.conditions ?? []).map((condition) => ({
    target: condition.nextStepId,
    kind: "failure",
    label: condition.errorCode ?? condition.errorType ?? "on failure",
  }));
  if (handler.nextStepId) leads.push({ target: handler.nextStepId, kind: "failure", label: "on failure" });
  return leads;
}

function timeoutLeads(step: StepDocument): Leading[] {
  const target = step.eventTimeout?.timeoutHandlerStepId;
  return target ? [{ target, kind: "timeout", label: "timed out" }] : [];
}

function endsItsPath(step: StepDocument): boolean {
  if (stepType(step) === "DECISION") return forwardLeads(step).length === 0;
  if (step.transitions && Object.keys(step.transitions).length > 0) return false;
  if (Array.isArray(step.next)) return step.next.length === 0;
  return !step.next;
}

/** An expression without its `${ }`. */
export function bare(expression: string): string {
  const match = /^\s*\$\{([\s\S]*)\}\s*$/.exec(expression);
  return (match?.[1] ?? expression).trim();
}

/** Every step of the document, nested ones included, by id. */
export function stepsById(document: WorkflowDocument): Map<string, StepDocument> {
  const found = new Map<string, StepDocument>();
  const walk = (steps: StepDocument[]) => {
    for (const step of steps) {
      found.set(step.stepId, step);
      for (const lane of lanesOf(step)) walk(lane.steps);
    }
  };
  walk(document.steps ?? []);
  return found;
}
