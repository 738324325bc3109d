/**
 * Keeps a part of a page fresh: `<div id="results" data-refresh-every="10">` is read again every ten seconds from the page's
 * own address, while the page is looked at and nobody is working inside that part. `refresh:now` on the document reads it at
 * once.
 */
import { due } from "../lib/due";
import { htmx } from "./htmx";

export function refresh(): void {
  let readAt = Date.now();
  setInterval(() => {
    const element = document.querySelector<HTMLElement>("[data-refresh-every]");
    if (!element?.id || document.visibilityState !== "visible" || !due(element, Date.now(), readAt)) return;
    if (element.contains(document.activeElement) || document.querySelector("dialog[open]")) return;
    readAt = Date.now();
    void read(element);
  }, 1_000);
  document.addEventListener("refresh:now", () => {
    const element = document.querySelector<HTMLElement>("[data-refresh-every]");
    if (element?.id) void read(element);
  });
}

function read(element: HTMLElement): Promise<void> {
  return htmx.ajax("get", location.href, { target: `#${element.id}`, select: `#${element.id}`, swap: "outerHTML" });
}
