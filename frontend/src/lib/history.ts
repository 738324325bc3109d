/** A history that is read in pieces: pieces may overlap, come twice or in the wrong order. */
import type { HistoryEntry, StepState } from "./documents";
import { progressOf } from "./progress";

/** The entries of both, each number once, in order. Returns `known` itself when nothing is new. */
export function merge(known: HistoryEntry[], more: HistoryEntry[]): HistoryEntry[] {
  const numbers = new Set(known.map((entry) => entry.seq));
  const fresh = more.filter((entry) => !numbers.has(entry.seq) && numbers.add(entry.seq));
  if (fresh.length === 0) return known;
  return [...known, ...fresh].sort((a, b) => a.seq - b.seq);
}

/** The number of the latest entry that is known. */
export function lastOf(entries: HistoryEntry[]): number {
  return entries.at(-1)?.seq ?? 0;
}

/** The latest entries, back to the first number that is missing. */
export function tail(entries: HistoryEntry[]): HistoryEntry[] {
  let first = entries.length - 1;
  while (first > 0 && entries[first - 1]?.seq === (entries[first] as HistoryEntry).seq - 1) first -= 1;
  return first > 0 ? entries.slice(first) : entries;
}

/** Entries of a range of numbers, both ends in it. */
export function between(entries: HistoryEntry[], first: number, last: number): HistoryEntry[] {
  return entries.slice(placeOf(entries, first), placeOf(entries, last + 1));
}

/** Where the first entry with this number or a higher one is. */
function placeOf(entries: HistoryEntry[], seq: number): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle] as HistoryEntry).seq < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How a step ran: its visits with begin and end, for the timeline's bars. */
export interface Span {
  stepId: string;
  visit: number;
  from: string;
  to: string | null;
  status: string;
  attempts: number;
  /** Of a FOR_EACH, and of a step inside one: how far all the items are. */
  progress?: string;
}

const ENDS: Record<string, string> = {
  STEP_COMPLETED: "COMPLETED",
  STEP_FAILED: "FAILED",
  STEP_SKIPPED: "SKIPPED",
  STEP_TIMED_OUT: "TIMED_OUT",
  STEP_CANCELLED: "CANCELLED",
  STEP_MOVED: "CANCELLED",
};

/**
 * The bars of a run. Each step's latest visit is in the run's state, all items of a FOR_EACH as one; visits before that
 * are told by as much of the history as is known.
 */
export function spansOf(steps: Record<string, StepState>, entries: HistoryEntry[]): Span[] {
  const latest: Span[] = [];
  for (const [stepId, state] of Object.entries(steps)) {
    if (!state.startedAt) continue;
    const { attempts = 1, status } = state;
    const visit = state.visits ? 1 : (state.visit ?? 1);
    const progress = progressOf(state)?.text;
    const to = state.completedAt ?? (ENDED.has(status) ? state.startedAt : null);
    latest.push({ stepId, visit, from: state.startedAt, to, status, attempts, ...(progress ? { progress } : {}) });
  }
  const earlier = spans(entries).filter((span) => {
    const state = steps[span.stepId];
    return state?.startedAt ? !state.visits && (state.visit ?? 1) > span.visit && span.attempts > 0 : true;
  });
  return [...earlier, ...latest].sort((a, b) => Date.parse(a.from) - Date.parse(b.from));
}

const ENDED = new Set(["COMPLETED", "FAILED", "SKIPPED", "CANCELLED", "TIMED_OUT", "COMPENSATED"]);

function spans(entries: HistoryEntry[]): Span[] {
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
    } else if (ended && entries[0]?.seq === 1) {
      found.set(key, { stepId: entry.stepId, visit, from: entry.at, to: entry.at, status: ended, attempts: 0 });
    }
  }
  return [...found.values()];
}
