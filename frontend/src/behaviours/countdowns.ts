/** `<time datetime="…" data-countdown>`: how long until then, by the second; "over" once it lies behind. */
import { absolute } from "../lib/time";

export function refreshCountdowns(within: ParentNode = document, now: number = Date.now()): void {
  for (const element of within.querySelectorAll<HTMLTimeElement>("time[data-countdown]")) {
    element.textContent = left(element.dateTime, now);
    element.title = absolute(element.dateTime);
  }
}

/** `2 d 3 h`, `1 h 5 min`, `4 min 09 s`, `9 s`. */
export function left(iso: string, now: number): string {
  const seconds = Math.ceil((Date.parse(iso) - now) / 1000);
  if (Number.isNaN(seconds)) return iso;
  if (seconds <= 0) return "over";
  const [minutes, hours, days] = [Math.floor(seconds / 60), Math.floor(seconds / 3600), Math.floor(seconds / 86_400)];
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  if (minutes > 0) return `${minutes} min ${String(seconds % 60).padStart(2, "0")} s`;
  return `${seconds} s`;
}

export function countdowns(): void {
  refreshCountdowns();
  setInterval(refreshCountdowns, 1_000);
}
