/** The history in pages, each asked for when it is looked at: a long run must not make a long page. */
import { useCallback, useEffect, useState } from "react";
import { JsonView } from "@/components/ui/JsonView";
import { api, messageOf } from "@/lib/api";
import type { HistoryEntry } from "@/lib/documents";
import { between } from "@/lib/history";
import { humanise } from "@/lib/steps";
import { absolute, clock } from "@/lib/time";
import type { HistoryPage, Load } from "./useInstance";

export const PAGE = 100;

interface ListProps {
  names: (stepId: string) => string;
  onChoose: (stepId: string) => void;
  /** The entry that is looked at, if it is not the present. */
  point: number | null;
  onGo: (seq: number) => void;
}

interface HistoryListProps extends ListProps {
  id: string;
  /** What is known of it. */
  history: HistoryEntry[];
  /** The number of the latest entry. */
  latest: number;
  load: Load;
  chosen: string | null;
}

export function HistoryList({ id, history, latest, load, chosen, ...list }: HistoryListProps) {
  if (chosen && history.length < latest) {
    return <OfStep key={chosen} id={id} stepId={chosen} latest={latest} {...list} />;
  }
  return <Whole history={history} latest={latest} load={load} chosen={chosen} {...list} />;
}

/** Every entry, by number; or, where all are known, those about one step. */
function Whole({ history, latest, load, chosen, ...list }: Omit<HistoryListProps, "id">) {
  const { point } = list;
  const relevant = chosen ? history.filter((entry) => entry.stepId === chosen) : null;
  const total = relevant?.length ?? latest;
  const pages = Math.max(1, Math.ceil(total / PAGE));
  // null: the last page, whatever is added to it.
  const [page, setPage] = useState<number | null>(null);
  const [failure, setFailure] = useState("");
  const shown = Math.min(page ?? pages - 1, pages - 1);
  const first = shown * PAGE + 1;
  const last = Math.min(total, first + PAGE - 1);
  const entries = relevant ? relevant.slice(first - 1, last) : between(history, first, last);
  const missing = entries.length < last - first + 1;

  const ask = useCallback(() => {
    setFailure("");
    load(first, PAGE).catch((error: unknown) => setFailure(messageOf(error)));
  }, [load, first]);
  useEffect(() => {
    if (missing) ask();
  }, [missing, ask]);

  useEffect(() => {
    if (point === null) {
      setPage(null);
      return;
    }
    const place = relevant ? relevant.findLastIndex((entry) => entry.seq <= point) : point - 1;
    setPage(Math.max(0, Math.floor(place / PAGE)));
    // Only a new point, or another step, leads to its page; paging away from it is allowed.
  }, [point, chosen]);

  const turn = (to: number) => setPage(to >= pages - 1 && point === null ? null : Math.max(0, Math.min(pages - 1, to)));

  return (
    <div>
      {pages > 1 && (
        <Pager
          earlier={shown > 0}
          later={shown < pages - 1}
          onFirst={() => turn(0)}
          onEarlier={() => turn(shown - 1)}
          onLater={() => turn(shown + 1)}
          onLatest={() => turn(pages - 1)}
        >
          {first.toLocaleString()}–{last.toLocaleString()} of {total.toLocaleString()}
        </Pager>
      )}
      {failure ? <Failed failure={failure} onAgain={ask} /> : missing && entries.length === 0 && <Loading />}
      {total === 0 && <p className="p-4 text-muted">Nothing has happened here yet.</p>}
      <Entries entries={entries} {...list} />
    </div>
  );
}

/** What is about one step of a run of which only a part is known: asked for from its end. */
function OfStep({ id, stepId, latest, ...list }: ListProps & { id: string; stepId: string; latest: number }) {
  const { point } = list;
  // null: the end, or the point that is looked at.
  const [before, setBefore] = useState<number | null>(null);
  const [page, setPage] = useState<HistoryPage | null>(null);
  const [failure, setFailure] = useState("");
  const [again, setAgain] = useState(0);
  const end = before ?? (point ?? latest) + 1;

  useEffect(() => {
    let current = true;
    setFailure("");
    api
      .get<HistoryPage>(
        `workflows/instances/${id}/history?before=${end}&stepId=${encodeURIComponent(stepId)}&limit=${PAGE}`,
      )
      .then(
        (found) => current && setPage(found),
        (error: unknown) => current && setFailure(messageOf(error)),
      );
    return () => {
      current = false;
    };
  }, [id, stepId, end, again]);

  if (failure) return <Failed failure={failure} onAgain={() => setAgain(again + 1)} />;
  if (!page) return <Loading />;
  const { items } = page;
  return (
    <div>
      {(page.next !== null || before !== null) && (
        <Pager
          earlier={page.next !== null}
          later={before !== null}
          onEarlier={() => setBefore(items[0]?.seq ?? null)}
          onLatest={() => setBefore(null)}
        >
          entries {items[0]?.seq.toLocaleString()}–{items.at(-1)?.seq.toLocaleString()}
        </Pager>
      )}
      {items.length === 0 && <p className="p-4 text-muted">Nothing has happened here yet.</p>}
      <Entries entries={items} {...list} />
    </div>
  );
}

function Loading() {
  return (
    <p className="p-4 text-muted" role="status">
      Loading …
    </p>
  );
}

function Failed({ failure, onAgain }: { failure: string; onAgain: () => void }) {
  return (
    <div className="p-4">
      <div className="notice notice-error" role="alert">
        <span className="flex-1">{failure}</span>
        <button type="button" className="btn btn-sm btn-quiet" onClick={onAgain}>
          Try again
        </button>
      </div>
    </div>
  );
}

interface PagerProps {
  earlier: boolean;
  later: boolean;
  onFirst?: () => void;
  onEarlier: () => void;
  onLater?: () => void;
  onLatest: () => void;
  children: React.ReactNode;
}

function Pager({ earlier, later, onFirst, onEarlier, onLater, onLatest, children }: PagerProps) {
  const turn = (label: string, possible: boolean, go: (() => void) | undefined) =>
    go && (
      <button type="button" className="btn btn-quiet btn-xs" disabled={!possible} onClick={go}>
        {label}
      </button>
    );
  return (
    <nav className="pager justify-start! border-t-0! border-b border-line" aria-label="Pages of the history">
      {turn("First", earlier, onFirst)}
      {turn("Earlier", earlier, onEarlier)}
      <span className="num">{children}</span>
      {turn("Later", later, onLater)}
      {turn("Latest", later, onLatest)}
    </nav>
  );
}

function Entries({ entries, names, onChoose, point, onGo }: ListProps & { entries: HistoryEntry[] }) {
  return (
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
