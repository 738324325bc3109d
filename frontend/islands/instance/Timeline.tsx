/** The run over time: a bar per visit of a step, and below every entry of the history. */
import { useMemo, useState } from "react";
import { JsonView } from "@/components/ui/JsonView";
import { useNow } from "@/components/ui/Time";
import type { HistoryEntry, Instance } from "@/lib/documents";
import { stepsById } from "@/lib/graph";
import { type Span, spans } from "@/lib/history";
import { humanise, stepName } from "@/lib/steps";
import { absolute, between, clock, duration } from "@/lib/time";

const SHOWN_AT_FIRST = 100;
const MOST_BARS = 200;

interface TimelineProps {
  instance: Instance;
  history: HistoryEntry[];
  chosen: string | null;
  onChoose: (stepId: string) => void;
}

export function Bars({ instance, history, chosen, onChoose }: TimelineProps) {
  const now = useNow(instance.completedAt ? null : 1_000);
  const names = useNames(instance);
  const rows = useMemo(
    () =>
      spans(history)
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
            data-status={liveStatus(instance, row.stepId, row.status, row.to)}
            aria-pressed={chosen === row.stepId}
            onClick={() => onChoose(row.stepId)}
          >
            <span className="clip">
              {names(row.stepId)}
              {row.visit > 1 && <span className="text-faint"> ×{row.visit}</span>}
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
function closed(span: Span, instance: Instance): Span {
  if (span.to) return span;
  const state = instance.state.steps[span.stepId];
  const to = (state && (state.visit ?? 1) === span.visit ? state.completedAt : null) ?? instance.completedAt;
  return to ? { ...span, to, status: state?.status ?? span.status } : span;
}

/** A bar without an end takes its colour from the state: waiting for a person is not the same as running. */
function liveStatus(instance: Instance, stepId: string, status: string, to: string | null): string {
  return to ? status : (instance.state.steps[stepId]?.status ?? status);
}

export function HistoryList({ instance, history, chosen, onChoose }: TimelineProps) {
  const [all, setAll] = useState(false);
  const names = useNames(instance);
  const relevant = chosen ? history.filter((entry) => entry.stepId === chosen) : history;
  const shown = all ? relevant : relevant.slice(-SHOWN_AT_FIRST);
  return (
    <div>
      {shown.length < relevant.length && (
        <button type="button" className="btn btn-quiet btn-xs m-3" onClick={() => setAll(true)}>
          Show {relevant.length - shown.length} earlier entries
        </button>
      )}
      <ol className="history" aria-label="History">
        {shown.map((entry) => (
          <li key={entry.seq} data-status={toneOf(entry.type)}>
            <span className="num text-faint history-seq">{entry.seq}</span>
            <time className="num text-muted" dateTime={entry.at} title={absolute(entry.at)}>
              {clock(entry.at)}
            </time>
            <span className="dot" aria-hidden />
            <span className="min-w-0">
              <span className="font-medium">{humanise(entry.type.toLowerCase())}</span>
              {entry.stepId && (
                <>
                  {" · "}
                  <button type="button" className="text-link" onClick={() => onChoose(entry.stepId as string)}>
                    {names(entry.stepId)}
                  </button>
                </>
              )}
              {entry.data && Object.keys(entry.data).length > 0 && (
                <details className="mt-1">
                  <summary className="text-xs text-faint cursor-pointer">data</summary>
                  <JsonView value={entry.data} label="entry data" />
                </details>
              )}
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function useNames(instance: Instance): (stepId: string) => string {
  const steps = useMemo(() => stepsById(instance.document), [instance.document]);
  return (stepId) => {
    const step = steps.get(stepId);
    return step ? stepName(step) : stepId;
  };
}

function toneOf(type: string): string {
  const last = type.split("_").at(-1) ?? "";
  if (type === "STEP_RETRY_SCHEDULED") return "WAITING";
  if (type === "STEP_TIMED_OUT") return "TIMED_OUT";
  return (
    {
      STARTED: "RUNNING",
      COMPLETED: "COMPLETED",
      FAILED: "FAILED",
      CANCELLED: "CANCELLED",
      SUSPENDED: "SUSPENDED",
      RESUMED: "RUNNING",
    }[last] ?? "PENDING"
  );
}
