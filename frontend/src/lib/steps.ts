/** What each step type is called and which sign it bears; one table for graph, timeline and inspector. */
import type { StepDocument } from "./documents";

export interface StepKind {
  label: string;
  /** lucide icon name */
  icon: string;
}

const KINDS: Record<string, StepKind> = {
  TASK: { label: "Task", icon: "zap" },
  HUMAN_TASK: { label: "Human task", icon: "user-round" },
  DECISION: { label: "Decision", icon: "split" },
  PARALLEL: { label: "Parallel", icon: "git-fork" },
  FOR_EACH: { label: "For each", icon: "repeat" },
  EVENT_WAIT: { label: "Wait for event", icon: "radio" },
  DELAY: { label: "Delay", icon: "clock" },
  SUB_WORKFLOW: { label: "Sub-workflow", icon: "workflow" },
  EMIT_EVENT: { label: "Emit event", icon: "megaphone" },
  TRANSFORM: { label: "Transform", icon: "braces" },
  END: { label: "End", icon: "flag" },
};

export const STEP_TYPES = Object.keys(KINDS);

export function stepType(step: StepDocument): string {
  return step.type ?? "TASK";
}

export function stepKind(type: string): StepKind {
  return KINDS[type] ?? { label: type, icon: "circle-help" };
}

export function stepName(step: StepDocument): string {
  return step.name?.trim() || humanise(step.stepId);
}

/** `reserve-stock`, `reserve_stock`, `reserveStock` → `Reserve stock`; abbreviations like `ID` stay. */
export function humanise(id: string): string {
  const words = id
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .split(/[-_\s]+/)
    .filter(Boolean)
    .map((word) => (/^[A-Z\d]{2,}$/.test(word) ? word : word.toLowerCase()));
  const text = words.join(" ");
  return text ? text.charAt(0).toUpperCase() + text.slice(1) : id;
}

/** One short line that says what the step does, from its own fields. */
export function stepSummary(step: StepDocument): string {
  switch (stepType(step)) {
    case "TASK":
      return step.taskId ?? "";
    case "HUMAN_TASK": {
      const who = step.taskDefinition;
      return String(who?.assignee ?? who?.assigneeRole ?? who?.candidateGroups?.join(", ") ?? "");
    }
    case "DECISION": {
      const count = step.choices?.length ?? 0;
      return `${count} ${count === 1 ? "choice" : "choices"}${step.default ? " + default" : ""}`;
    }
    case "PARALLEL":
      return joinLabel(step);
    case "FOR_EACH":
      return String(step.items ?? "");
    case "DELAY":
      return String(step.duration ?? step.until ?? "");
    case "EVENT_WAIT":
      return String(step.eventPattern ?? "");
    case "EMIT_EVENT":
      return String(step.pattern ?? "");
    case "SUB_WORKFLOW":
      return String(step.workflowId ?? "");
    case "END":
      return String(step.status ?? "COMPLETED").toLowerCase();
    default:
      return "";
  }
}

/** When the branches of a PARALLEL step are done, in words. */
export function joinLabel(step: StepDocument): string {
  if (step.join === "ANY") return "first branch wins";
  if (step.join === "N") return `${step.count ?? "N"} branches are enough`;
  return "all branches";
}
