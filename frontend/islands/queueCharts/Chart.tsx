/** One measure over time, as bars or as a line. The pointer or the arrow keys move a mark that all charts share. */
import { type KeyboardEvent, type PointerEvent, useId } from "react";
import { type Bucket, clockOf, timesOf } from "./series";

export interface Measure {
  kind: "processed" | "errors" | "depth" | "age";
  title: string;
  look: "bars" | "line";
  value: (bucket: Bucket) => number;
  words: (value: number) => string;
  top: (largest: number) => number;
  /** What is said of the whole stretch. */
  sum: (buckets: Bucket[]) => string;
}

interface ChartProps {
  measure: Measure;
  buckets: Bucket[];
  chosen: number | null;
  /** A line that should not be reached; drawn where the scale comes near it. */
  limit?: number;
  onChoose: (place: number | null) => void;
}

export function Chart({ measure, buckets, chosen, limit, onChoose }: ChartProps) {
  const id = useId();
  const values = buckets.map(measure.value);
  const largest = Math.max(0, ...values);
  const nearLimit = limit !== undefined && largest >= limit / 2;
  const top = measure.top(nearLimit ? Math.max(largest, limit) : largest);
  const height = (value: number) => (100 * Math.min(value, top)) / top;
  const marked = chosen === null ? undefined : buckets[chosen];
  const last = buckets.length - 1;

  const point = (event: PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / Math.max(1, box.width)) * buckets.length);
    onChoose(Math.min(last, Math.max(0, place)));
  };

  const keys = (event: KeyboardEvent) => {
    const now = chosen ?? last;
    const to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") onChoose(null);
    else if (to !== undefined) onChoose(Math.min(last, Math.max(0, to)));
    else return;
    event.preventDefault();
  };

  const read = (place: number) => {
    const bucket = buckets[place];
    return bucket ? `${clockOf(bucket.at)}: ${measure.words(measure.value(bucket))}` : "";
  };

  return (
    <figure className="chart" data-kind={measure.kind}>
      <figcaption>
        <span className="font-medium" id={id}>
          {measure.title}
        </span>
        <span className="text-muted num">{marked ? read(chosen as number) : measure.sum(buckets)}</span>
      </figcaption>
      <div
        className="chart-plot"
        role="slider"
        tabIndex={0}
        aria-labelledby={id}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, last)}
        aria-valuenow={chosen ?? Math.max(0, last)}
        aria-valuetext={read(chosen ?? last)}
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={() => onChoose(null)}
        onBlur={() => onChoose(null)}
        onKeyDown={keys}
      >
        <span className="chart-top">{measure.words(top)}</span>
        <svg viewBox={`0 0 ${Math.max(1, buckets.length)} 100`} preserveAspectRatio="none" aria-hidden="true">
          <line className="grid-mark" x1={0} x2={buckets.length} y1={0} y2={0} />
          <line className="grid-mark" x1={0} x2={buckets.length} y1={50} y2={50} />
          {measure.look === "bars" ? (
            values.map(
              (value, place) =>
                value > 0 && (
                  <rect
                    key={buckets[place]!.at}
                    className="bar-mark"
                    data-partial={buckets[place]!.partial || undefined}
                    x={place + 0.1}
                    width={0.8}
                    y={100 - Math.max(2, height(value))}
                    height={Math.max(2, height(value))}
                  />
                ),
            )
          ) : (
            <>
              <path className="area-mark" d={`${lineOf(values, height)} V100 H0.5 Z`} />
              <path className="line-mark" d={lineOf(values, height)} />
            </>
          )}
          {nearLimit && (
            <line className="limit-mark" x1={0} x2={buckets.length} y1={100 - height(limit)} y2={100 - height(limit)} />
          )}
          {chosen !== null && <rect className="cross-mark" x={chosen} width={1} y={0} height={100} />}
        </svg>
      </div>
      <div className="chart-times" aria-hidden="true">
        {timesOf(buckets).map((each, place) => (
          <span key={place}>{each}</span>
        ))}
      </div>
    </figure>
  );
}

export function lineOf(values: number[], height: (value: number) => number): string {
  return values.map((value, place) => `${place ? "L" : "M"}${place + 0.5} ${round(100 - height(value))}`).join(" ");
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
