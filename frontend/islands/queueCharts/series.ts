/** Minutes as the API gives them, put together so that a chart has about as many marks as it has room for. */

export interface Minute {
  minute: string;
  processed: number;
  errors: number;
  millis: number;
  depth: number;
  oldestAgeMs: number;
}

export interface Bucket {
  /** When it begins, in ms. */
  at: number;
  /** Routed in each of its minutes, on average. */
  processed: number;
  errors: number;
  /** The most that waited. */
  depth: number;
  /** The longest that anything waited, in ms. */
  age: number;
  /** It is not over yet. */
  partial: boolean;
}

export interface Range {
  key: string;
  label: string;
  minutes: number;
  /** Minutes in one mark. */
  step: number;
  everyMs: number;
}

export const RANGES: Range[] = [
  { key: "1h", label: "1 hour", minutes: 60, step: 1, everyMs: 5_000 },
  { key: "3h", label: "3 hours", minutes: 180, step: 2, everyMs: 10_000 },
  { key: "24h", label: "1 day", minutes: 1_440, step: 15, everyMs: 60_000 },
];

const MINUTE = 60_000;

/** Buckets begin at whole steps of the clock; the last one holds the minute of now. */
export function bucketsOf(minutes: Minute[], step: number): Bucket[] {
  const found = new Map<number, Minute[]>();
  for (const each of minutes) {
    const at = Math.floor(Date.parse(each.minute) / (step * MINUTE)) * step * MINUTE;
    found.set(at, [...(found.get(at) ?? []), each]);
  }
  const buckets = [...found].map(([at, own], place) => ({
    at,
    processed: own.reduce((sum, each) => sum + each.processed, 0) / own.length,
    errors: own.reduce((sum, each) => sum + each.errors, 0),
    depth: Math.max(...own.map((each) => each.depth)),
    age: Math.max(...own.map((each) => each.oldestAgeMs)),
    partial: place === found.size - 1,
    whole: own.length === step,
  }));
  // A first bucket that was cut off would look as if less had happened.
  return buckets.filter((each, place) => place > 0 || each.whole).map(({ whole: _, ...each }) => each);
}

/** The end of a scale that holds `largest`: 1, 2 or 5 times a power of ten. */
export function topOf(largest: number): number {
  if (largest <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(largest));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= largest) as number;
}

/** The same for a span of time in ms: whole seconds, minutes, hours, days. */
export function topSpan(largest: number): number {
  const ends = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400];
  const fitting = ends.map((each) => each * 1_000).find((each) => each >= largest);
  return fitting ?? topOf(largest / 86_400_000) * 86_400_000;
}

/** Up to four times along the axis: [share of the width, label]. */
export function timesOf(buckets: Bucket[]): string[] {
  if (buckets.length === 0) return [];
  return [0, 1 / 3, 2 / 3, 1].map((share) => {
    const bucket = buckets[Math.round(share * (buckets.length - 1))] as Bucket;
    return share === 1 ? "now" : clockOf(bucket.at);
  });
}

export function clockOf(at: number): string {
  return new Date(at).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
}
