/** The rule of a schedule as its form holds it, and as its document says it. */

export type Unit = "S" | "M" | "H" | "D";

export const UNITS: { unit: Unit; name: string; seconds: number }[] = [
  { unit: "D", name: "days", seconds: 86_400 },
  { unit: "H", name: "hours", seconds: 3_600 },
  { unit: "M", name: "minutes", seconds: 60 },
  { unit: "S", name: "seconds", seconds: 1 },
];

export const PRESETS: { label: string; cron: string }[] = [
  { label: "Every hour", cron: "0 * * * *" },
  { label: "Daily at 9", cron: "0 9 * * *" },
  { label: "Weekdays at 9", cron: "0 9 * * 1-5" },
  { label: "Mondays at 9", cron: "0 9 * * 1" },
  { label: "First of the month", cron: "0 9 1 * *" },
];

const DURATION = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;

/** `PT90M` → 90 minutes; null for what the form cannot hold (fractions). */
export function readDuration(text: string): { count: number; unit: Unit } | null {
  const match = DURATION.exec(text);
  if (!match) return null;
  const [weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((each) => Number(each ?? 0));
  const total = weeks * 604_800 + days * 86_400 + hours * 3_600 + minutes * 60 + seconds;
  const fitting = UNITS.find((each) => total > 0 && total % each.seconds === 0);
  return fitting ? { count: total / fitting.seconds, unit: fitting.unit } : { count: total, unit: "S" };
}

export function writeDuration(count: number, unit: Unit): string {
  return unit === "D" ? `P${count}D` : `PT${count}${unit}`;
}

/** What the browser's `datetime-local` field holds, in the reader's own zone, and back. */
export function toLocalField(iso: string | undefined): string {
  if (!iso) return "";
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  const pad = (value: number) => String(value).padStart(2, "0");
  return (
    `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}` +
    `T${pad(date.getHours())}:${pad(date.getMinutes())}`
  );
}

export function fromLocalField(text: string): string | undefined {
  const date = new Date(text);
  return text && !Number.isNaN(date.getTime()) ? date.toISOString() : undefined;
}

/** Whether a value has an expression in it, which no field of a form can hold. */
export function hasExpression(value: unknown): boolean {
  return JSON.stringify(value ?? null).includes("${");
}
