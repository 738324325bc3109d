/** Steps through a run's history: a slider over its entries, single steps, a time to go to, and back to the present. */
import { ChevronLeft, ChevronRight, ChevronsLeft, SkipForward } from "lucide-react";
import { useEffect, useId, useState } from "react";
import type { HistoryEntry } from "@/lib/documents";
import { between } from "@/lib/history";
import { humanise } from "@/lib/steps";
import { absolute, clock } from "@/lib/time";
import type { Load } from "./useInstance";
import type { Point } from "./usePoint";

const AROUND = 100;
const SETTLE_MS = 150;
const PIECE = 500;
const MOST_PIECES = 10;

interface TimeSliderProps {
  point: Point;
  history: HistoryEntry[];
  /** The number of the latest entry. */
  latest: number;
  load: Load;
  names: (stepId: string) => string;
}

export function TimeSlider({ point, history, latest, load, names }: TimeSliderProps) {
  const id = useId();
  const [time, setTime] = useState("");
  const seq = Math.min(point.seq ?? latest, latest);
  const entry = between(history, seq, seq)[0];
  const looking = point.seq !== null;
  const what = entry
    ? `${humanise(entry.type.toLowerCase())}${entry.stepId ? ` · ${names(entry.stepId)}` : ""}`
    : seq === 0
      ? "Before anything happened"
      : "";

  const missing = seq > 0 && !entry;
  useEffect(() => {
    if (!missing) return;
    const first = Math.max(1, seq - AROUND / 2);
    // What is not told now is asked for again with the next move.
    const timer = setTimeout(() => void load(first, AROUND).catch(() => undefined), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [missing, seq, load]);

  const go = (to: number) => point.go(to >= latest && !looking ? null : Math.max(0, Math.min(latest, to)));

  return (
    <div className="time-slider" data-looking={looking || undefined}>
      <div className="time-buttons" role="group" aria-label="Step through the history">
        <Step label="To the beginning" icon={ChevronsLeft} disabled={seq === 0} onClick={() => go(0)} />
        <Step label="One entry back" icon={ChevronLeft} disabled={seq === 0} onClick={() => go(seq - 1)} />
        <Step label="One entry on" icon={ChevronRight} disabled={seq >= latest} onClick={() => go(seq + 1)} />
        <Step
          label="To the next step's beginning"
          icon={SkipForward}
          disabled={seq >= latest}
          onClick={() => void nextBeginning(history, seq, latest, load).then(go)}
        />
      </div>
      <div className="time-track">
        <input
          id={id}
          type="range"
          className="range range-xs range-primary w-full"
          min={0}
          max={latest}
          step={1}
          value={seq}
          aria-label="Point of the history"
          aria-valuetext={`Entry ${seq} of ${latest}. ${what}${entry ? `, ${absolute(entry.at)}` : ""}`}
          onChange={(event) => point.go(Number(event.target.value))}
        />
        <output htmlFor={id} className="time-label">
          <span className="num whitespace-nowrap">
            {seq.toLocaleString()} / {latest.toLocaleString()}
          </span>
          {entry && (
            <time className="num" dateTime={entry.at} title={absolute(entry.at)}>
              {clock(entry.at)}
            </time>
          )}
          <span className="clip">{what}</span>
        </output>
      </div>
      <form
        className="time-jump"
        onSubmit={(event) => {
          event.preventDefault();
          const moment = new Date(time);
          if (!Number.isNaN(moment.getTime())) point.go(moment.toISOString());
        }}
      >
        <label className="date-field">
          <span>At</span>
          <input
            type="datetime-local"
            step={1}
            value={time}
            aria-label="Time to look at"
            onChange={(event) => setTime(event.target.value)}
          />
        </label>
        <button type="submit" className="btn btn-sm btn-quiet" disabled={!time}>
          Go
        </button>
      </form>
    </div>
  );
}

/** The number of the next entry with which a step begins, looked for piece by piece; the latest where none is near. */
async function nextBeginning(known: HistoryEntry[], seq: number, latest: number, load: Load): Promise<number> {
  let from = seq + 1;
  for (let piece = 0; from <= latest && piece < MOST_PIECES; piece += 1) {
    const to = Math.min(latest, from + PIECE - 1);
    const told = between(known, from, to);
    const entries = told.length > to - from ? told : await load(from, PIECE).catch(() => []);
    const found = entries.find((each) => each.type === "STEP_STARTED");
    if (found) return found.seq;
    from = to + 1;
  }
  return latest;
}

function Step({
  label,
  icon: Icon,
  disabled,
  onClick,
}: {
  label: string;
  icon: typeof ChevronLeft;
  disabled: boolean;
  onClick: () => void;
}) {
  return (
    <button type="button" aria-label={label} title={label} disabled={disabled} onClick={onClick}>
      <Icon className="icon" aria-hidden />
    </button>
  );
}
