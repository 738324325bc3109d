/** What a verdict on runs says, in words for the page. */

export type Verdict = "COMPATIBLE" | "NEEDS_MAPPING" | "IMPOSSIBLE";

export interface Position {
  stepId: string | null;
  instances: number;
  verdict: Verdict;
  message: string;
  suggested: string | null;
  candidates: string[];
}

export interface RunVerdict {
  from: string;
  to: string;
  verdict: Verdict;
  positions: Position[];
  instances: Record<Verdict, number>;
  mapping: Record<string, string>;
  notExamined: number;
}

export const VERDICT_WORDS: Record<Verdict, string> = {
  COMPATIBLE: "Goes on",
  NEEDS_MAPPING: "Needs a mapping",
  IMPOSSIBLE: "Stays",
};

/** Steps that somebody must name a place for, with the places there are. */
export function lost(verdict: RunVerdict): Map<string, Position> {
  const found = new Map<string, Position>();
  for (const each of verdict.positions) {
    if (each.verdict === "NEEDS_MAPPING" && each.stepId && !found.has(each.stepId)) found.set(each.stepId, each);
  }
  return found;
}

/** The suggestions for them, where there are any. */
export function preselected(verdict: RunVerdict): Record<string, string> {
  const pairs = [...lost(verdict)].filter(([, each]) => each.suggested);
  return Object.fromEntries(pairs.map(([stepId, each]) => [stepId, each.suggested as string]));
}

export function verdictAddress(workflowId: string, verdict: RunVerdict, mapping: Record<string, string>): string {
  const query = new URLSearchParams({ from: verdict.from, to: verdict.to });
  for (const [old, new_] of Object.entries(mapping)) query.append("map", `${old}:${new_}`);
  return `workflows/definitions/${encodeURIComponent(workflowId)}/verdict?${query}`;
}

export function runs(count: number): string {
  return count === 1 ? "1 run" : `${count.toLocaleString()} runs`;
}

/** One sentence for all runs. */
export function summary({ instances, to }: RunVerdict): string {
  const { COMPATIBLE: can, NEEDS_MAPPING: lost, IMPOSSIBLE: cannot } = instances;
  if (can + lost + cannot === 0) return "No run is under way any more.";
  if (can + lost === 0) {
    return cannot === 1 ? `The run cannot go on with ${to}.` : `None of the ${runs(cannot)} can go on with ${to}.`;
  }
  const parts = [
    can && `${runs(can)} can go on with ${to}`,
    lost && (can ? `${runs(lost)} could if you say where` : `${runs(lost)} could go on with ${to} if you say where`),
    cannot && `${runs(cannot)} cannot`,
  ].filter(Boolean);
  return `${parts.join(", ")}.`;
}

export function consequences(verdict: RunVerdict, mapping: Record<string, string>): string[] {
  const { instances, from, to } = verdict;
  const stay = instances.NEEDS_MAPPING + instances.IMPOSSIBLE;
  return [
    `${runs(instances.COMPATIBLE)} ${instances.COMPATIBLE === 1 ? "goes" : "go"} on with ${to} from where ${instances.COMPATIBLE === 1 ? "it stands" : "they stand"}.`,
    ...Object.entries(mapping).map(([old, new_]) => `What stands at ${old} stands at ${new_} then.`),
    "Open tasks, timers and what was done stay as they are.",
    ...(stay ? [`${runs(stay)} ${stay === 1 ? "stays" : "stay"} on ${from}.`] : []),
    "Each run is checked again before it moves; one that has gone on meanwhile and no longer fits stays, and is listed.",
  ];
}
