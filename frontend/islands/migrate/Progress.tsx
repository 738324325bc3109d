import { useEffect, useState } from "react";
import { api, messageOf } from "@/lib/api";
import { runs } from "./verdict";

export interface Bulk {
  id: string;
  status: string;
  total: number;
  done: number;
  succeeded: number;
  failed: number;
  problems: { instanceId: string; detail: string }[];
}

const EVERY_MS = 800;

export function finished(bulk: Bulk): boolean {
  return !["PENDING", "RUNNING", "CREATED"].includes(bulk.status.toUpperCase());
}

/** How far a migration has come; asks until it is over, then tells so once. */
export function Progress({ first, to, onEnd }: { first: Bulk; to: string; onEnd: () => void }) {
  const [bulk, setBulk] = useState(first);
  const [failure, setFailure] = useState("");
  const over = finished(bulk);

  useEffect(() => {
    if (over) {
      onEnd();
      return;
    }
    const timer = setTimeout(async () => {
      try {
        setBulk(await api.get<Bulk>(`workflows/instances/bulk/${bulk.id}`));
        setFailure("");
      } catch (error) {
        setFailure(messageOf(error));
        setBulk((known) => ({ ...known })); // asks again
      }
    }, EVERY_MS);
    return () => clearTimeout(timer);
  }, [bulk, over]); // eslint-disable-line react-hooks/exhaustive-deps

  return (
    <div className="grid gap-2" role="status">
      <p className="flex flex-wrap justify-between gap-2">
        <span>
          {over
            ? `${runs(bulk.succeeded)} ${bulk.succeeded === 1 ? "goes" : "go"} on with ${to}.`
            : `Migrating … ${bulk.done} of ${bulk.total}`}
        </span>
        {bulk.failed > 0 && <span className="text-error">{runs(bulk.failed)} stayed</span>}
      </p>
      <progress
        className="progress progress-primary w-full"
        value={over ? 1 : bulk.done}
        max={over ? 1 : bulk.total || 1}
      />
      {failure && <p className="text-error">{failure}</p>}
      {bulk.problems.length > 0 && (
        <ul className="grid gap-1 text-muted">
          {bulk.problems.slice(0, 20).map((each) => (
            <li key={each.instanceId}>
              <a className="text-link mono" href={`/instances/${each.instanceId}`}>
                {each.instanceId.slice(0, 8)}…{each.instanceId.slice(-6)}
              </a>{" "}
              {each.detail}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
