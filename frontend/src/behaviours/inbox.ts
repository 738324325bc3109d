/**
 * The task inbox: a list that is kept current, keys as in a mail client, a reading pane beside it.
 *
 * `<section id="inbox">` holds `.items` with `<a class="inbox-item" data-task-id>`, and
 * `#inbox-pane`. J/K (or arrows) move, Enter or E opens (in the pane: goes to its first field), C claims. Wide windows open
 * in the pane, narrow ones go to the task's own page.
 */
import { onTasksChanged } from "../lib/taskFeed";
import { htmx } from "./htmx";
import { isTyping } from "./shortcuts";

const WIDE = "(min-width: 64rem)";
const SETTLE_MS = 140;

export function inbox(): void {
  const root = document.getElementById("inbox");
  if (!root) return;
  let opening: ReturnType<typeof setTimeout> | undefined;

  const items = () => [...root.querySelectorAll<HTMLAnchorElement>(".inbox-item")];
  const current = () => items().find((item) => item.getAttribute("aria-current") === "true");
  const pane = () => document.getElementById("inbox-pane") as HTMLElement;
  const wide = () => window.matchMedia(WIDE).matches;

  const mark = (item: HTMLAnchorElement) => {
    for (const each of items()) each.setAttribute("aria-current", String(each === item));
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  };

  const open = async (id: string, href: string) => {
    if (pane().dataset.shows === id) return;
    pane().dataset.shows = id;
    const address = new URL(location.href);
    address.searchParams.set("task", id);
    history.replaceState(history.state, "", address);
    await htmx.ajax("get", href, { target: "#inbox-pane", swap: "innerHTML", headers: { "X-Pane": "1" } });
  };

  const select = (item: HTMLAnchorElement | undefined, delay = 0) => {
    if (!item) return;
    mark(item);
    clearTimeout(opening);
    if (wide()) opening = setTimeout(() => void open(item.dataset.taskId as string, item.href), delay);
  };

  const move = (by: number) => {
    const all = items();
    const at = all.indexOf(current() as HTMLAnchorElement);
    select(all[Math.max(0, Math.min(all.length - 1, at + by))], SETTLE_MS);
  };

  const enter = () => {
    const item = current();
    if (!item) return;
    if (!wide()) location.assign(item.href);
    else if (pane().dataset.shows !== item.dataset.taskId) select(item);
    else focusForm(pane());
  };

  root.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || !wide()) return;
    const target = event.target as Element;
    const item = target.closest<HTMLAnchorElement>(".inbox-item");
    const next = target.closest<HTMLAnchorElement>("[data-open-task]");
    if (!item && !next) return;
    event.preventDefault();
    if (item) select(item);
    else if (next) {
      const listed = items().find((each) => each.dataset.taskId === next.dataset.openTask);
      if (listed) select(listed);
      else void open(next.dataset.openTask as string, next.href);
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
    const key = event.key.toLowerCase();
    if (key === "j" || key === "arrowdown") move(1);
    else if (key === "k" || key === "arrowup") move(-1);
    else if (key === "e") enter();
    else if (key === "c") pane().querySelector<HTMLElement>("[data-claim]")?.click();
    else return;
    event.preventDefault();
  });

  keepCurrent(root, () => current()?.dataset.taskId ?? null);
  if (!wide()) return;
  const wanted = new URL(location.href).searchParams.get("task");
  const first = current() ?? (wanted ? undefined : items()[0]);
  if (first) select(first);
  else if (wanted) void open(wanted, `/tasks/${encodeURIComponent(wanted)}`);
}

function focusForm(pane: HTMLElement): void {
  const field = pane.querySelector<HTMLElement>("[data-task-form] :is(input, select, textarea):not(:disabled)");
  (field ?? pane.querySelector<HTMLElement>("[data-action], [data-open-task]"))?.focus();
}

/** Reads the list again on every hint; keeps the choice and lets new tasks be seen. */
function keepCurrent(root: HTMLElement, chosen: () => string | null): void {
  let before = { box: boxOf(root), known: new Set(ids(root)) };
  let reading = false;
  let again = false;

  const refresh = async () => {
    again = reading;
    if (reading) return;
    reading = true;
    const keep = chosen();
    try {
      await htmx.ajax("get", location.href, { target: "#inbox-list", select: "#inbox-list", swap: "outerHTML" });
    } finally {
      reading = false;
    }
    const box = boxOf(root);
    for (const item of root.querySelectorAll<HTMLElement>(".inbox-item")) {
      const id = item.dataset.taskId as string;
      item.setAttribute("aria-current", String(id === keep));
      item.classList.toggle("arrived", box === before.box && !before.known.has(id));
    }
    before = { box, known: new Set(ids(root)) };
    if (again) void refresh();
  };

  onTasksChanged(() => void refresh());
  document.addEventListener("task:completed", () => void refresh());
}

function boxOf(root: HTMLElement): string {
  return root.querySelector<HTMLElement>("#inbox-list")?.dataset.box ?? "";
}

function ids(root: HTMLElement): string[] {
  return [...root.querySelectorAll<HTMLElement>(".inbox-item")].map((item) => item.dataset.taskId as string);
}
