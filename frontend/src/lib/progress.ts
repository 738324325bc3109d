/** How far the items of a FOR_EACH are, as the run's state counts them. */
import type { Counts, StepState, StepStatus } from "./documents";

export interface Progress {
  done: number;
  failed: number;
  total: number;
  /** "37 of 10,000, 3 failed"; of a step inside an item, which does not know how often it will run, "37 done". */
  text: string;
}

const DONE: StepStatus[] = ["COMPLETED", "SKIPPED", "COMPENSATED"];
const FAILED: StepStatus[] = ["FAILED", "TIMED_OUT"];

export function progressOf(state: StepState | undefined): Progress | null {
  const counts = state?.items ?? state?.visits;
  if (!counts) return null;
  const done = sum(counts, DONE);
  const failed = sum(counts, FAILED);
  const count = (n: number) => n.toLocaleString("en");
  const parts = [state?.items ? `${count(done)} of ${count(counts.total)}` : `${count(done)} done`];
  if (failed > 0) parts.push(`${count(failed)} failed`);
  return { done, failed, total: counts.total, text: parts.join(", ") };
}

/** Whether any visit of the step has gone on to what comes next. */
export function anyLeft(state: StepState | undefined): boolean {
  return state?.visits !== undefined && sum(state.visits, DONE) > 0;
}

function sum(counts: Counts, statuses: StepStatus[]): number {
  return statuses.reduce((all, status) => all + (counts.byStatus[status] ?? 0), 0);
}
