/**
 * The stream of events: `<div id="stream">` holds `#results` (with `data-newest`, the cursor of the first row), the button
 * `#stream-new`, and `#event-pane`. Rows are `<tr data-event>` with a `.row-link` to the event's story.
 *
 * What comes is counted and never moves what one reads: the button says how many, and shows them. J/K (or arrows) move,
 * Enter opens the pane and from there the story, Escape closes it, P pauses. Without scripts the rows lead to the stories.
 */
import { LiveFeed, type FeedState } from "../lib/live";
import { htmx } from "./htmx";
import { isTyping } from "./shortcuts";

const ASK_EVERY_MS = 1_000;
const SETTLE_MS = 120;
const WORDS: Record<FeedState, string> = {
  connecting: "Connecting…",
  live: "Live",
  lost: "Connection lost, trying again…",
  refused: "Not live: sign in again",
};
const TONES: Record<FeedState, string> = {
  connecting: "PENDING",
  live: "COMPLETED",
  lost: "FAILED",
  refused: "FAILED",
};

export function stream(): void {
  const root = document.getElementById("stream");
  if (!root) return;
  const pane = panes(root);
  live(root);

  root.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    const target = event.target as Element;
    if (target.closest("[data-close-pane]")) return pane.close();
    const link = target.closest<HTMLAnchorElement>("a");
    const row = target.closest<HTMLTableRowElement>("tr[data-event]");
    if (!row || (link && !link.matches(".row-link"))) return;
    event.preventDefault();
    pane.open(row);
  });

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
    if (!root.isConnected || document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    if (key === "j" || key === "arrowdown") pane.move(1);
    else if (key === "k" || key === "arrowup") pane.move(-1);
    else if (key === "escape" && pane.isOpen()) pane.close();
    else if (key === "p") document.querySelector<HTMLElement>("[data-pause]")?.click();
    else if (key === "enter" && pane.enter(event.target as Element)) event.preventDefault();
    else return;
    event.preventDefault();
  });
}

/** The pane beside the list, and the row that it shows. */
function panes(root: HTMLElement) {
  const element = root.querySelector("#event-pane") as HTMLElement;
  let shows = "";
  let opening: ReturnType<typeof setTimeout> | undefined;

  const rows = () => [...root.querySelectorAll<HTMLTableRowElement>("tr[data-event]")];
  const chosen = () => rows().find((row) => row.getAttribute("aria-current") === "true");
  const linkOf = (row: HTMLElement) => row.querySelector(".row-link") as HTMLAnchorElement;

  const mark = (row: HTMLTableRowElement | undefined) => {
    for (const each of rows()) {
      if (each === row) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    }
  };
  const load = async (row: HTMLTableRowElement) => {
    if (shows === row.dataset.event && !element.hidden) return;
    shows = row.dataset.event as string;
    const options = { target: "#event-pane", swap: "innerHTML", headers: { "X-Pane": "1" } } as const;
    await htmx.ajax("get", linkOf(row).getAttribute("href") as string, options);
    element.hidden = false;
  };
  // The list may have been read anew meanwhile.
  document.addEventListener("htmx:afterSettle", () => {
    if (!element.hidden) mark(rows().find((row) => row.dataset.event === shows));
  });

  return {
    isOpen: () => !element.hidden,
    open(row: HTMLTableRowElement) {
      mark(row);
      clearTimeout(opening);
      void load(row).then(() => window.matchMedia("(width < 80rem)").matches && element.focus());
    },
    close() {
      element.hidden = true;
      const row = chosen();
      mark(undefined);
      if (row) linkOf(row).focus({ preventScroll: true });
    },
    move(by: number) {
      const all = rows();
      const row = all[Math.max(0, Math.min(all.length - 1, all.indexOf(chosen() as HTMLTableRowElement) + by))];
      if (!row) return;
      mark(row);
      linkOf(row).focus({ preventScroll: true });
      row.scrollIntoView({ block: "nearest" });
      clearTimeout(opening);
      if (!element.hidden) opening = setTimeout(() => void load(row), SETTLE_MS);
    },
    /** Opens what is marked; once it is open, its story. False where Enter means something else. */
    enter(target: Element): boolean {
      const row = target.closest<HTMLTableRowElement>("tr[data-event]") ?? (target === document.body ? chosen() : null);
      if (!row || (target.closest("a") && !target.matches(".row-link"))) return false;
      if (!element.hidden && shows === row.dataset.event) location.assign(linkOf(row).href);
      else this.open(row);
      return true;
    },
  };
}

/** Counts what has come since the list was read, as long as one has not paused it. */
function live(root: HTMLElement): void {
  const state = document.getElementById("stream-state");
  const button = root.querySelector("#stream-new") as HTMLButtonElement;
  const title = document.title;
  let paused = false;
  let feed: FeedState = "connecting";
  let asked = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const results = () => root.querySelector("#results") as HTMLElement;

  const show = (count: number, more: boolean) => {
    button.hidden = count === 0;
    const number = `${count}${more ? "+" : ""}`;
    const words = `${number} new event${count === 1 ? "" : "s"}`;
    (button.querySelector("[data-words]") as HTMLElement).textContent = words;
    document.title = count ? `(${number}) ${title}` : title;
  };

  const ask = async () => {
    timer = undefined;
    asked = Date.now();
    const about = results();
    const address = new URL(location.href);
    for (const name of ["after", "before"]) address.searchParams.delete(name);
    try {
      const answer = await fetch(address, { headers: { "X-Newer-Than": about.dataset.newest ?? "" } });
      if (!answer.ok || paused || about !== results()) return;
      const { count, more } = (await answer.json()) as { count: number; more: boolean };
      show(count, more);
    } catch {
      // The feed says when the line is back; it is asked again then.
    }
  };
  const hint = () => {
    if (paused || timer !== undefined) return;
    timer = setTimeout(() => void ask(), Math.max(0, asked + ASK_EVERY_MS - Date.now()));
  };

  const tell = () => {
    if (!state) return;
    state.hidden = false;
    (state.querySelector("[data-words]") as HTMLElement).textContent = paused ? "Paused" : WORDS[feed];
    state.querySelector(".dot")?.setAttribute("data-status", paused ? "PAUSED" : TONES[feed]);
    state.querySelector("[data-pause]")?.setAttribute("aria-pressed", String(paused));
    for (const each of state.querySelectorAll<HTMLElement>("[data-when]"))
      each.hidden = (each.dataset.when === "paused") !== paused;
  };

  state?.querySelector("[data-pause]")?.addEventListener("click", () => {
    paused = !paused;
    tell();
    if (paused) show(0, false);
    else hint();
  });

  button.addEventListener("click", () => {
    const address = new URL(location.href);
    if (!results().hasAttribute("data-first-page")) {
      for (const name of ["after", "before"]) address.searchParams.delete(name);
      location.assign(address);
      return;
    }
    const known = new Set(eventsIn(root).map((row) => row.dataset.event));
    show(0, false);
    void htmx.ajax("get", address.href, { target: "#results", select: "#results", swap: "outerHTML" }).then(() => {
      for (const row of eventsIn(root)) row.classList.toggle("arrived", !known.has(row.dataset.event));
      window.scrollTo({ top: 0 });
    });
  });

  // Other filters: what was counted is not what is counted from now on.
  document.addEventListener("htmx:afterSettle", (event) => {
    if ((event.target as HTMLElement).id === "results") show(0, false);
  });

  new LiveFeed("/ws/events", {
    onHint: hint,
    onState: (now) => {
      feed = now;
      tell();
    },
  });
}

function eventsIn(root: HTMLElement): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>("tr[data-event]")];
}
