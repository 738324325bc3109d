/** A history that is read in pieces: pieces may overlap, come twice or in the wrong order. */
import type { HistoryEntry } from "./documents";

/** The entries of both, each number once, in order. Returns `known` itself when nothing is new. */
export function merge(known: HistoryEntry[], more: HistoryEntry[]): HistoryEntry[] {
  const numbers = new Set(known.map((entry) => entry.seq));
  const fresh = more.filter((entry) => !numbers.has(entry.seq) && numbers.add(entry.seq));
  if (fresh.length === 0) return known;
  return [...known, ...fresh].sort((a, b) => a.seq - b.seq);
}

/** The highest number below which nothing is missing: what to ask the API to continue after. */
export function contiguousUpTo(entries: HistoryEntry[]): number {
  let last = 0;
  for (const entry of entries) {
    if (entry.seq === last) continue;
    if (last !== 0 && entry.seq !== last + 1) break;
    if (last === 0 && entry.seq > 1) break;
    last = entry.seq;
  }
  return last;
}

/** How a step ran: its visits with begin and end, for the timeline's bars. */
export interface Span {
  stepId: string;
  visit: number;
  from: string;
  to: string | null;
  status: string;
  attempts: number;
}

const ENDS: Record<string, string> = {
  STEP_COMPLETED: "COMPLETED",
  STEP_FAILED: "FAILED",
  STEP_SKIPPED: "SKIPPED",
  STEP_TIMED_OUT: "TIMED_OUT",
  STEP_CANCELLED: "CANCELLED",
  STEP_MOVED: "CANCELLED",
};

export function spans(entries: HistoryEntry[]): Span[] {
  const found = new Map<string, Span>();
  for (const entry of entries) {
    if (!entry.stepId) continue;
    const visit = entry.visit ?? 1;
    const key = `${entry.stepId}#${visit}`;
    const ended = ENDS[entry.type];
    const span = found.get(key);
    if (entry.type === "STEP_STARTED" && !span) {
      found.set(key, { stepId: entry.stepId, visit, from: entry.at, to: null, status: "RUNNING", attempts: 1 });
    } else if (entry.type === "STEP_RETRY_SCHEDULED" && span) {
      span.attempts += 1;
    } else if (ended && span) {
      span.to = entry.at;
      span.status = ended;
    } else if (ended) {
      found.set(key, { stepId: entry.stepId, visit, from: entry.at, to: entry.at, status: ended, attempts: 0 });
    }
  }
  return [...found.values()];
}
