/** How a queue fared over the last hours: routed, dead letters, waiting, age; kept fresh, and also as a table. */
import { useEffect, useState } from "react";
import { api, messageOf } from "@/lib/api";
import { duration } from "@/lib/time";
import { Chart, type Measure } from "./Chart";
import { type Bucket, bucketsOf, clockOf, type Minute, RANGES, type Range, topOf, topSpan } from "./series";

export interface QueueChartsProps {
  queueId: string;
  highWatermark: number;
}

const number = (value: number) => (value < 10 ? String(Math.round(value * 10) / 10) : Math.round(value).toLocaleString("en")); // prettier-ignore
const span = (value: number) => (value > 0 ? duration(value) : "0");
const total = (values: number[]) => values.reduce((sum, each) => sum + each, 0);

const MEASURES: Measure[] = [
  {
    kind: "processed", title: "Routed per minute", look: "bars", value: (each) => each.processed, words: number, top: topOf,
    sum: (buckets) => `${number(Math.max(0, ...buckets.map((each) => each.processed)))} at most`,
  },
  {
    kind: "errors", title: "Dead letters", look: "bars", value: (each) => each.errors, words: number, top: topOf,
    sum: (buckets) => `${number(total(buckets.map((each) => each.errors)))} in all`,
  },
  {
    kind: "depth", title: "Waiting", look: "line", value: (each) => each.depth, words: number, top: topOf,
    sum: (buckets) => `${number(Math.max(0, ...buckets.map((each) => each.depth)))} at most`,
  },
  {
    kind: "age", title: "Oldest that waits", look: "line", value: (each) => each.age, words: span, top: topSpan,
    sum: (buckets) => `${span(Math.max(0, ...buckets.map((each) => each.age)))} at most`,
  },
]; // prettier-ignore

export default function QueueCharts({ queueId, highWatermark }: QueueChartsProps) {
  const [range, setRange] = useState<Range>(RANGES[1] as Range);
  const [buckets, setBuckets] = useState<Bucket[] | null>(null);
  const [failure, setFailure] = useState("");
  const [chosen, setChosen] = useState<number | null>(null);
  const [asTable, setAsTable] = useState(false);

  useEffect(() => {
    let current = true;
    const read = async () => {
      const since = new Date(Date.now() - range.minutes * 60_000).toISOString();
      try {
        const path = `events/queues/${encodeURIComponent(queueId)}/minutes?since=${encodeURIComponent(since)}`;
        const found = await api.get<Minute[]>(path);
        if (!current) return;
        setBuckets(bucketsOf(found, range.step));
        setFailure("");
      } catch (error) {
        if (current) setFailure(messageOf(error));
      }
    };
    void read();
    const timer = setInterval(() => document.visibilityState === "visible" && void read(), range.everyMs);
    const now = () => void read();
    document.addEventListener("refresh:now", now);
    return () => {
      current = false;
      clearInterval(timer);
      document.removeEventListener("refresh:now", now);
    };
  }, [queueId, range]);

  return (
    <>
      <div className="panel-head">
        <h2 id="charts-title">Over time</h2>
        <div className="actions flex-wrap">
          <div className="theme-switch w-fit" role="group" aria-label="How far back">
            {RANGES.map((each) => (
              <button
                key={each.key}
                type="button"
                className="px-2! w-auto! text-xs whitespace-nowrap"
                aria-pressed={each.key === range.key}
                onClick={() => {
                  setChosen(null);
                  setRange(each);
                }}
              >
                {each.label}
              </button>
            ))}
          </div>
          <button
            type="button"
            className="btn btn-quiet btn-xs"
            aria-pressed={asTable}
            onClick={() => setAsTable(!asTable)}
          >
            {asTable ? "Charts only" : "As a table"}
          </button>
        </div>
      </div>
      {failure && (
        <div className="notice notice-error m-4" role="alert">
          {failure}
        </div>
      )}
      {buckets === null && !failure && (
        <p className="p-4 text-muted flex items-center gap-2" aria-busy="true">
          <span className="loading loading-spinner loading-xs" aria-hidden /> Reading …
        </p>
      )}
      {buckets !== null && (
        <div className="charts">
          {MEASURES.map((measure) => (
            <Chart
              key={measure.kind}
              measure={measure}
              buckets={buckets}
              chosen={chosen !== null && chosen < buckets.length ? chosen : null}
              limit={measure.kind === "depth" ? highWatermark : undefined}
              onChoose={setChosen}
            />
          ))}
        </div>
      )}
      {asTable && buckets !== null && <Table buckets={buckets} step={range.step} />}
    </>
  );
}

function Table({ buckets, step }: { buckets: Bucket[]; step: number }) {
  return (
    <div className="chart-table" role="region" aria-label="The charts as a table" tabIndex={0}>
      <table className="data-table">
        <thead>
          <tr>
            <th scope="col">{step === 1 ? "Minute" : `${step} minutes from`}</th>
            {MEASURES.map((each) => (
              <th scope="col" className="right" key={each.kind}>
                {each.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {buckets.toReversed().map((bucket) => (
            <tr key={bucket.at}>
              <td>
                <time dateTime={new Date(bucket.at).toISOString()}>{clockOf(bucket.at)}</time>
              </td>
              {MEASURES.map((each) => (
                <td className="right num" key={each.kind}>
                  {each.words(each.value(bucket))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
