/**
 * htmx without anything that needs `eval` or inline styles, and islands that follow its swaps.
 *
 * Usage: plain `hx-*` attributes in templates; no `hx-on`, no trigger filters in brackets.
 */
import htmx from "htmx.org";
import { mountIslands, unmountIslands } from "../islands";
import { refreshTimes } from "./times";

export function configureHtmx(): void {
  Object.assign(htmx.config, {
    allowEval: false,
    allowScriptTags: false,
    includeIndicatorStyles: false,
    selfRequestsOnly: true,
    historyCacheSize: 0,
    refreshOnHistoryMiss: true,
    scrollIntoViewOnBoost: false,
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target } = (event as CustomEvent<{ target: HTMLElement }>).detail;
    unmountIslands(target);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const element = event.target as HTMLElement;
    void mountIslands(element);
    refreshTimes(element);
  });
  // A session that ended meanwhile: the answer is the sign-in page, which belongs into the whole window.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr } = (event as CustomEvent<{ xhr: XMLHttpRequest }>).detail;
    if (xhr.responseURL && new URL(xhr.responseURL).pathname === "/login") location.reload();
  });
}

export { htmx };
