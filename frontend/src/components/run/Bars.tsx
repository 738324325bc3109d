/** The run over time: a bar per visit of a step, one for all items of a FOR_EACH. */
import { useMemo } from "react";
import { useNow } from "@/components/ui/Time";
import type { HistoryEntry, Instance } from "@/lib/documents";
import { type Span, spansOf } from "@/lib/history";
import { between, duration } from "@/lib/time";

const MOST_BARS = 200;

interface TimelineProps {
  instance: Pick<Instance, "state" | "startedAt" | "completedAt">;
  /** As much of it as is known: for the visits before the latest. */
  history: HistoryEntry[];
  chosen: string | null;
  names: (stepId: string) => string;
  onChoose: (stepId: string) => void;
  /** Where time stands still: in the past, and on a virtual clock. */
  until?: string | null;
}

export function Bars({ instance, history, chosen, names, onChoose, until }: TimelineProps) {
  const present = useNow(instance.completedAt || until ? null : 1_000);
  const now = until ? Date.parse(until) : present;
  const rows = useMemo(
    () =>
      spansOf(instance.state.steps, history)
        .slice(-MOST_BARS)
        .map((span) => closed(span, instance)),
    [history, instance],
  );
  const begin = Date.parse(
    rows.length < MOST_BARS ? (instance.startedAt ?? rows[0]?.from ?? "") : (rows[0]?.from ?? ""),
  );
  const end = Math.max(begin + 1, ...rows.map((row) => (row.to ? Date.parse(row.to) : now)));
  const share = (ms: number) => `${Math.max(0, Math.min(100, (ms / (end - begin)) * 100))}%`;
  if (rows.length === 0) return <p className="p-4 text-muted">No step has begun yet.</p>;
  return (
    <ol className="bars" aria-label="Steps over time">
      {rows.map((row) => (
        <li key={`${row.stepId}#${row.visit}`}>
          <button
            type="button"
            className="bar-row"
            data-status={row.status}
            aria-pressed={chosen === row.stepId}
            onClick={() => onChoose(row.stepId)}
          >
            <span className="clip">
              {names(row.stepId)}
              {row.visit > 1 && <span className="text-faint"> ×{row.visit}</span>}
              {row.progress && <span className="block clip text-xs text-faint">{row.progress}</span>}
            </span>
            <span className="bar-track">
              <span
                className="bar"
                style={{
                  left: share(Date.parse(row.from) - begin),
                  width: `max(4px, ${share(between(row.from, row.to, now))})`,
                }}
              />
            </span>
            <span className="num text-muted text-right">{duration(between(row.from, row.to, now))}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}

/** What was given up with the run has no entry of its own: it ended when the step's state, or the run, says so. */
function closed(span: Span, instance: TimelineProps["instance"]): Span {
  if (span.to) return span;
  const state = instance.state.steps[span.stepId];
  const to = (state && (state.visit ?? 1) === span.visit ? state.completedAt : null) ?? instance.completedAt;
  return to ? { ...span, to, status: state?.status ?? span.status } : span;
}
