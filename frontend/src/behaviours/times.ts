/**
 * `<time datetime="…" data-relative>`: shown as "5 min ago", kept fresh, the full local time as its title.
 * `<time datetime="…" data-absolute>`: day and time in the reader's own zone.
 */
import { absolute, brief, relative } from "../lib/time";

const EVERY_MS = 30_000;

export function refreshTimes(within: ParentNode = document): void {
  for (const element of within.querySelectorAll<HTMLTimeElement>("time[data-relative]")) {
    element.textContent = relative(element.dateTime);
    element.title = absolute(element.dateTime);
  }
  for (const element of within.querySelectorAll<HTMLTimeElement>("time[data-absolute]")) {
    element.textContent = brief(element.dateTime);
    element.title = absolute(element.dateTime);
  }
}

export function times(): void {
  refreshTimes();
  setInterval(refreshTimes, EVERY_MS);
}
