/** Every entry of the history, in pages: a long run must not make a long page. */
import { useEffect, useState } from "react";
import { JsonView } from "@/components/ui/JsonView";
import type { HistoryEntry } from "@/lib/documents";
import { humanise } from "@/lib/steps";
import { absolute, clock } from "@/lib/time";

export const PAGE = 100;

interface HistoryListProps {
  history: HistoryEntry[];
  chosen: string | null;
  names: (stepId: string) => string;
  onChoose: (stepId: string) => void;
  /** The entry that is looked at, if it is not the present. */
  point: number | null;
  onGo: (seq: number) => void;
}

export function HistoryList({ history, chosen, names, onChoose, point, onGo }: HistoryListProps) {
  const relevant = chosen ? history.filter((entry) => entry.stepId === chosen) : history;
  const pages = Math.max(1, Math.ceil(relevant.length / PAGE));
  // null: the last page, whatever is added to it.
  const [page, setPage] = useState<number | null>(null);
  const shown = Math.min(page ?? pages - 1, pages - 1);
  const entries = relevant.slice(shown * PAGE, (shown + 1) * PAGE);

  useEffect(() => {
    if (point === null) {
      setPage(null);
      return;
    }
    const place = relevant.findLastIndex((entry) => entry.seq <= point);
    setPage(Math.max(0, Math.floor(place / PAGE)));
    // Only a new point, or another step, leads to its page; paging away from it is allowed.
  }, [point, chosen]);

  const turn = (to: number) => setPage(to >= pages - 1 && point === null ? null : Math.max(0, Math.min(pages - 1, to)));

  return (
    <div>
      {pages > 1 && (
        <nav className="pager" aria-label="Pages of the history">
          <button type="button" className="btn btn-quiet btn-xs" disabled={shown === 0} onClick={() => turn(0)}>
            First
          </button>
          <button type="button" className="btn btn-quiet btn-xs" disabled={shown === 0} onClick={() => turn(shown - 1)}>
            Earlier
          </button>
          <span className="num">
            {(shown * PAGE + 1).toLocaleString()}–{(shown * PAGE + entries.length).toLocaleString()} of{" "}
            {relevant.length.toLocaleString()}
          </span>
          <button
            type="button"
            className="btn btn-quiet btn-xs"
            disabled={shown >= pages - 1}
            onClick={() => turn(shown + 1)}
          >
            Later
          </button>
          <button
            type="button"
            className="btn btn-quiet btn-xs"
            disabled={shown >= pages - 1}
            onClick={() => turn(pages - 1)}
          >
            Latest
          </button>
        </nav>
      )}
      {entries.length === 0 && <p className="p-4 text-muted">Nothing has happened here yet.</p>}
      <ol className="history" aria-label="History">
        {entries.map((entry) => (
          <li
            key={entry.seq}
            data-status={toneOf(entry.type)}
            data-later={point !== null && entry.seq > point ? true : undefined}
            aria-current={entry.seq === point ? "step" : undefined}
          >
            <button
              type="button"
              className="num text-faint history-seq"
              title={`See the run as it was after entry ${entry.seq}`}
              aria-label={`See the run as it was after entry ${entry.seq}`}
              onClick={() => onGo(entry.seq)}
            >
              {entry.seq}
            </button>
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

function toneOf(type: string): string {
  const last = type.split("_").at(-1) ?? "";
  if (type === "STEP_RETRY_SCHEDULED") return "WAITING";
  if (type === "STEP_TIMED_OUT") return "TIMED_OUT";
  return (
    {
      STARTED: "RUNNING",
      COMPLETED: "COMPLETED",
      FAILED: "FAILED",
      SKIPPED: "SKIPPED",
      MOVED: "CANCELLED",
      CANCELLED: "CANCELLED",
      COMPENSATED: "COMPENSATED",
      SUSPENDED: "SUSPENDED",
      RESUMED: "RUNNING",
      RETRIED: "RUNNING",
    }[last] ?? "PENDING"
  );
}
