/** The bar below the dead letters: how many are chosen, what can be done to them, and how far a replay has come. */
import { CircleCheck, CircleX, Undo2, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { Selection } from "@/behaviours/selection";
import { type LetterDone, LetterDialog, type LetterTarget, type LetterVerb } from "@/components/ui/LetterDialog";
import { absolute } from "@/lib/time";

const NOTHING: Selection = { ids: [], all: false, filter: {}, workflow: null };
const EVERY_MS = 1_000;

/** What the list says of itself beside its rows. */
function list(): { count: number; underWay: number; readAt: string } {
  const { count = "0", underWay = "0", readAt = "" } = document.getElementById("results")?.dataset ?? {};
  return { count: Number(count), underWay: Number(underWay), readAt };
}

export default function LettersIsland() {
  const [chosen, setChosen] = useState<Selection>(NOTHING);
  const [fitting, setFitting] = useState(0);
  const [asked, setAsked] = useState<{ verb: LetterVerb; target: LetterTarget } | null>(null);
  const [done, setDone] = useState<(LetterDone & { number: number }) | null>(null);

  useEffect(() => {
    const hear = (event: Event) => {
      setChosen((event as CustomEvent<Selection>).detail);
      setFitting(list().count);
    };
    document.addEventListener("letters:selection", hear);
    // Somebody may have chosen before this was loaded.
    document.dispatchEvent(new CustomEvent("letters:asked"));
    return () => document.removeEventListener("letters:selection", hear);
  }, []);

  const select = (detail: { all?: true; none?: true }) =>
    document.dispatchEvent(new CustomEvent("letters:select", { detail }));
  const any = chosen.all || chosen.ids.length > 0;
  const count = chosen.all ? fitting : chosen.ids.length;

  return (
    <div className="bulk-dock">
      {done && <Progress key={done.number} done={done} onClose={() => setDone(null)} />}
      {any && (
        <div className="bulk-bar" role="region" aria-label="Chosen letters">
          <span className="font-medium" role="status">
            {chosen.all ? `All ${count.toLocaleString("en")} that fit` : `${count.toLocaleString("en")} selected`}
          </span>
          {!chosen.all && fitting > chosen.ids.length && (
            <button type="button" className="text-link" onClick={() => select({ all: true })}>
              Select all {fitting.toLocaleString("en")} that fit
            </button>
          )}
          <span className="bulk-verbs">
            <button
              type="button"
              className="btn btn-sm btn-primary"
              onClick={() => setAsked({ verb: "replay", target: targetOf(chosen, count) })}
            >
              <Undo2 className="icon" aria-hidden /> Replay
            </button>
            <button
              type="button"
              className="btn btn-sm btn-danger"
              onClick={() => setAsked({ verb: "discard", target: targetOf(chosen, count) })}
            >
              <CircleX className="icon" aria-hidden /> Discard
            </button>
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
        <LetterDialog
          {...asked}
          onDone={(what) => {
            setDone((before) => ({ ...what, number: (before?.number ?? 0) + 1 }));
            select({ none: true });
            document.dispatchEvent(new CustomEvent("refresh:now"));
          }}
          onClose={() => setAsked(null)}
        />
      )}
    </div>
  );
}

/** Everything is everything that the reader could have seen: what came after the list was read is not meant. */
export function targetOf(chosen: Selection, count: number): LetterTarget {
  if (!chosen.all) return { filter: { ids: chosen.ids }, count };
  const { readAt } = list();
  return { filter: { ...(readAt ? { until: readAt } : {}), ...chosen.filter }, count };
}

/** What was asked for, and how much of it is still on its way: the list is read until none is. */
function Progress({ done, onClose }: { done: LetterDone; onClose: () => void }) {
  const follows = done.verb === "replay" && done.at === null && done.count > 0;
  const [left, setLeft] = useState(follows ? done.count : 0);
  const asked = useRef(false);

  useEffect(() => {
    if (!follows || (asked.current && left === 0)) return;
    const look = () => {
      asked.current = true;
      setLeft(Math.min(done.count, list().underWay));
    };
    document.addEventListener("htmx:afterSettle", look);
    const timer = setInterval(() => document.dispatchEvent(new CustomEvent("refresh:now")), EVERY_MS);
    return () => {
      document.removeEventListener("htmx:afterSettle", look);
      clearInterval(timer);
    };
  }, [follows, left, done.count]);

  const many = done.count.toLocaleString("en");
  return (
    <div className="bulk-progress" role="status" aria-live="polite">
      <div className="flex items-center gap-3">
        {left === 0 && <CircleCheck className="icon text-success" aria-hidden />}
        <span className="flex-1 min-w-0">{sentence(done, many, left)}</span>
        <button type="button" className="btn btn-ghost btn-xs btn-square" aria-label="Close" onClick={onClose}>
          <X className="icon" aria-hidden />
        </button>
      </div>
      {follows && (
        <progress
          className="progress progress-primary w-full"
          value={done.count - left}
          max={done.count}
          aria-label="Letters replayed"
        />
      )}
    </div>
  );
}

function sentence(done: LetterDone, many: string, left: number): string {
  const letters = done.count === 1 ? "letter" : "letters";
  if (done.count === 0) return "None of them was pending any more.";
  if (done.verb === "discard") return `${many} ${letters} discarded.`;
  if (done.at) return `${many} ${letters} will be replayed ${absolute(done.at)}.`;
  if (left > 0) return `${(done.count - left).toLocaleString("en")} of ${many} replayed …`;
  return `${many} replayed. What was handled is resolved; what failed again is pending again.`;
}
