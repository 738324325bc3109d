/** How the reader stands to a task, and what the page says about it. */
import type { TaskAction, TaskDetail } from "@/lib/documents";
import { humanise } from "@/lib/steps";

export type Situation = "mine" | "free" | "taken" | "closed" | "watching";

const CLOSED = new Set(["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]);

export function situationOf(task: TaskDetail, userId: string): Situation {
  if (CLOSED.has(task.status)) return "closed";
  if (task.assignee?.id === userId) return "mine";
  if (task.assignee) return "taken";
  return task.allowed.includes("claim") ? "free" : "watching";
}

/** The buttons that end a task; one plain button where its definition names none. */
export function actionsOf(task: Pick<TaskDetail, "actions">): TaskAction[] {
  return task.actions.length > 0 ? task.actions : [{ actionKey: "", label: "Complete", style: "primary" }];
}

export function actionLabel(action: TaskAction): string {
  return action.label?.trim() || humanise(action.actionKey);
}

/** What is asked before an action, when its definition wants that. */
export function confirmationOf(action: TaskAction): string | null {
  if (!action.confirmation) return null;
  return typeof action.confirmation === "string" ? action.confirmation : "This cannot be taken back.";
}

export function personName(person: { fullName: string; username: string } | null): string {
  return person ? person.fullName || person.username : "";
}
