import { useEffect, useState } from "react";
import { absolute, between, duration, relative } from "@/lib/time";

/** The current time, again every `everyMs`; stands still when that is null. */
export function useNow(everyMs: number | null): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (everyMs === null) return;
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

export function Ago({ at }: { at: string }) {
  const now = useNow(15_000);
  return (
    <time dateTime={at} title={absolute(at)}>
      {relative(at, now)}
    </time>
  );
}

/** How long something took, or has been taking. */
export function Took({ from, to }: { from: string; to: string | null | undefined }) {
  const now = useNow(to ? null : 1_000);
  return <span className="num">{duration(between(from, to, now))}</span>;
}
