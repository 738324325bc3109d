/** The bar below a list of runs: how many are chosen, what can be done to them, and how far that has come. */
import { CirclePause, CirclePlay, CircleX, RotateCcw, Waypoints, X } from "lucide-react";
import { useEffect, useState } from "react";
import type { Selection, Workflow } from "@/behaviours/selection";
import { type BulkOperation, bulk, type Target } from "@/lib/bulk";
import type { Verb } from "@/lib/steering";
import { BulkDialog } from "./BulkDialog";
import { Progress } from "./Progress";

const VERBS: { verb: Verb; label: string; icon: typeof CircleX; danger?: boolean }[] = [
  { verb: "suspend", label: "Suspend", icon: CirclePause },
  { verb: "resume", label: "Resume", icon: CirclePlay },
  { verb: "retry", label: "Retry", icon: RotateCcw },
  { verb: "migrate", label: "Migrate", icon: Waypoints },
  { verb: "cancel", label: "Cancel", icon: CircleX, danger: true },
];

const NOTHING: Selection = { ids: [], all: false, filter: {}, workflow: null };

export default function BulkIsland() {
  const [chosen, setChosen] = useState<Selection>(NOTHING);
  const [asked, setAsked] = useState<{ verb: Verb; target: Target; workflow: Workflow | null } | null>(null);
  const [begun, setBegun] = useState<BulkOperation | null>(null);

  useEffect(() => {
    const hear = (event: Event) => setChosen((event as CustomEvent<Selection>).detail);
    document.addEventListener("runs:selection", hear);
    // Somebody may have chosen runs before this was loaded.
    document.dispatchEvent(new CustomEvent("runs:asked"));
    // What was begun before the page was loaded anew is still followed.
    bulk.latest().then(
      (found) => found?.status === "RUNNING" && setBegun((now) => now ?? found),
      () => undefined,
    );
    return () => document.removeEventListener("runs:selection", hear);
  }, []);

  const select = (detail: { all?: true; none?: true }) =>
    document.dispatchEvent(new CustomEvent("runs:select", { detail }));
  const any = chosen.all || chosen.ids.length > 0;
  const ask = (verb: Verb) => setAsked({ verb, target: targetOf(chosen), workflow: chosen.workflow });

  return (
    <div className="bulk-dock">
      {begun && <Progress key={begun.id} begun={begun} onClose={() => setBegun(null)} />}
      {any && (
        <div className="bulk-bar" role="region" aria-label="Chosen runs">
          <span className="font-medium" role="status">
            {chosen.all ? "Every run that fits" : `${chosen.ids.length.toLocaleString()} selected`}
          </span>
          {!chosen.all && (
            <button type="button" className="text-link" onClick={() => select({ all: true })}>
              Select all that fit the filters
            </button>
          )}
          <span className="bulk-verbs">
            {VERBS.map(({ verb, label, icon: Icon, danger }) => (
              <button
                key={verb}
                type="button"
                className={`btn btn-sm ${danger ? "btn-danger" : "btn-quiet"}`}
                disabled={verb === "migrate" && !chosen.workflow}
                title={
                  verb === "migrate" && !chosen.workflow ? "Choose runs of one workflow to migrate them" : undefined
                }
                onClick={() => ask(verb)}
              >
                <Icon className="icon" aria-hidden /> {label}
              </button>
            ))}
          </span>
          <button
            type="button"
            className="btn btn-ghost btn-sm btn-square"
            aria-label="Select nothing"
            title="Select nothing (Esc)"
            onClick={() => select({ none: true })}
          >
            <X className="icon" aria-hidden />
          </button>
        </div>
      )}
      {asked && (
        <BulkDialog
          {...asked}
          onBegun={(operation) => {
            setBegun(operation);
            select({ none: true });
          }}
          onClose={() => setAsked(null)}
        />
      )}
    </div>
  );
}

/** Everything, without a filter, is everything that was started up to now. */
function targetOf(chosen: Selection): Target {
  if (!chosen.all) return { ids: chosen.ids };
  const filter = Object.keys(chosen.filter).length > 0 ? chosen.filter : { startedBefore: new Date().toISOString() };
  return { filter };
}
