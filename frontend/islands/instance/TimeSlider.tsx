/** Steps through a run's history: a slider over its entries, single steps, a time to go to, and back to the present. */
import { ChevronLeft, ChevronRight, ChevronsLeft, SkipForward } from "lucide-react";
import { useId, useState } from "react";
import type { HistoryEntry } from "@/lib/documents";
import { humanise } from "@/lib/steps";
import { absolute, clock } from "@/lib/time";
import type { Point } from "./usePoint";

interface TimeSliderProps {
  point: Point;
  history: HistoryEntry[];
  /** The number of the latest entry. */
  latest: number;
  names: (stepId: string) => string;
}

export function TimeSlider({ point, history, latest, names }: TimeSliderProps) {
  const id = useId();
  const [time, setTime] = useState("");
  const seq = Math.min(point.seq ?? latest, latest);
  const entry = history[seq - 1]?.seq === seq ? history[seq - 1] : history.find((each) => each.seq === seq);
  const looking = point.seq !== null;
  const what = entry
    ? `${humanise(entry.type.toLowerCase())}${entry.stepId ? ` · ${names(entry.stepId)}` : ""}`
    : seq === 0
      ? "Before anything happened"
      : "";

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
          onClick={() => go(nextBeginning(history, seq) ?? latest)}
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
            {seq} / {latest}
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

function nextBeginning(history: HistoryEntry[], seq: number): number | null {
  return history.find((each) => each.seq > seq && each.type === "STEP_STARTED")?.seq ?? null;
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
