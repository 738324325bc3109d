/** How far a bulk operation has come, and what could not be done, once it is over. */
import { CircleAlert, CircleCheck, X } from "lucide-react";
import { useEffect, useState } from "react";
import { messageOf } from "@/lib/api";
import { type BulkOperation, bulk } from "@/lib/bulk";

const EVERY_MS = 700;
const DONE: Record<string, string> = {
  cancel: "cancelled",
  suspend: "suspended",
  resume: "resumed",
  retry: "retried",
  migrate: "migrated",
};

export function Progress({ begun, onClose }: { begun: BulkOperation; onClose: () => void }) {
  const [now, setNow] = useState(begun);
  const [failure, setFailure] = useState("");
  const over = now.status !== "RUNNING";

  useEffect(() => {
    if (over) document.dispatchEvent(new CustomEvent("refresh:now"));
  }, [over]);

  useEffect(() => {
    if (over) return;
    let current = true;
    const timer = setTimeout(() => {
      bulk.read(begun.id).then(
        (found) => {
          if (!current) return;
          setFailure("");
          setNow(found);
        },
        (error) => {
          if (!current) return;
          setFailure(messageOf(error));
          setNow((before) => ({ ...before })); // and try again
        },
      );
    }, EVERY_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [begun.id, now, over]);

  const word = DONE[now.operation] ?? "done";
  return (
    <div className="bulk-progress" role="status" aria-live="polite">
      <div className="flex items-center gap-3">
        {over &&
          (now.failed ? (
            <CircleAlert className="icon text-warning" aria-hidden />
          ) : (
            <CircleCheck className="icon text-success" aria-hidden />
          ))}
        <span className="flex-1 min-w-0">
          {over
            ? `${now.succeeded.toLocaleString()} of ${now.total.toLocaleString()} ${now.total === 1 ? "run" : "runs"} ${word}${now.status === "CANCELLED" ? "; it was stopped" : ""}.`
            : `${now.done.toLocaleString()} of ${now.total.toLocaleString()} …`}
          {now.failed > 0 && ` ${now.failed.toLocaleString()} could not be.`}
        </span>
        {over ? (
          <button type="button" className="btn btn-ghost btn-xs btn-square" aria-label="Close" onClick={onClose}>
            <X className="icon" aria-hidden />
          </button>
        ) : (
          <button
            type="button"
            className="btn btn-quiet btn-xs"
            onClick={() => bulk.stop(begun.id).then(setNow, (error) => setFailure(messageOf(error)))}
          >
            Stop
          </button>
        )}
      </div>
      <progress
        className="progress progress-primary w-full"
        value={now.total ? now.done : 1}
        max={now.total || 1}
        aria-label="Runs dealt with"
      />
      {failure && <p className="text-error">{failure}</p>}
      {over && now.problems.length > 0 && (
        <ul className="bulk-problems" aria-label="What could not be done">
          {now.problems.map((each) => (
            <li key={each.instanceId}>
              <a className="text-link mono" href={`/instances/${each.instanceId}`}>
                {each.instanceId.slice(0, 8)}…{each.instanceId.slice(-6)}
              </a>
              <span className="min-w-0">{each.detail}</span>
            </li>
          ))}
          {now.failed > now.problems.length && <li>… and {now.failed - now.problems.length} more</li>}
        </ul>
      )}
    </div>
  );
}
