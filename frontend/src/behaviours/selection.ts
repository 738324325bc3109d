/**
 * Choosing rows of a list: `<section data-selection>` holds `#results` with `data-filter` (the list's filter as the API takes
 * it) and rows with a `.row-link` and `<input type="checkbox" data-select value="id">`; `data-select-page` chooses the page.
 * `data-selection="letters"` names what is listed; without a name these are runs, with `data-workflow` and `data-version`.
 *
 * J/K (or arrows) move along the rows, X chooses, Escape lets all go; Shift and a click choose everything in between. What is
 * chosen outlives a refresh and a turn of the page; another filter lets it go. Says `runs:selection` on the document with
 * {ids, all, filter, workflow}, says it again on `runs:asked`, and hears `runs:select` with {all: true} or {none: true};
 * for letters `letters:selection` and so on.
 */
import { isTyping } from "./shortcuts";

export interface Selection {
  ids: string[];
  /** Everything that fits the filter, also on other pages. */
  all: boolean;
  filter: Record<string, unknown>;
  /** The workflow that all of them are runs of, where it is only one. */
  workflow: Workflow | null;
}

export interface Workflow {
  id: string;
  /** Those that the runs are on; null where not all of them are known. */
  versions: string[] | null;
}

export function selection(): void {
  const root = document.querySelector<HTMLElement>("[data-selection]");
  if (!root) return;
  const listed = root.dataset.selection || "runs";
  const chosen = new Map<string, { workflow: string; version: string }>();
  let all = false;
  let last: HTMLInputElement | null = null;
  let filter = filterOf(root);

  const boxes = () => [...root.querySelectorAll<HTMLInputElement>("[data-select]")];

  const show = () => {
    for (const box of boxes()) {
      box.checked = all || chosen.has(box.value);
      box.closest("tr")?.toggleAttribute("data-selected", box.checked);
    }
    const page = root.querySelector<HTMLInputElement>("[data-select-page]");
    const number = boxes().filter((box) => box.checked).length;
    if (page) {
      page.checked = number > 0 && number === boxes().length;
      page.indeterminate = number > 0 && !page.checked;
    }
    const fitting = JSON.parse(filter || "{}") as Record<string, unknown>;
    const workflow = all ? workflowOf(fitting) : commonOf([...chosen.values()]);
    const detail: Selection = { ids: [...chosen.keys()], all, filter: fitting, workflow };
    document.dispatchEvent(new CustomEvent<Selection>(`${listed}:selection`, { detail }));
  };

  const set = (box: HTMLInputElement, on: boolean) => {
    if (all) {
      // Taking one out of everything leaves what one sees.
      all = false;
      for (const each of boxes()) chosen.set(each.value, aboutOf(each));
    }
    if (on) chosen.set(box.value, aboutOf(box));
    else chosen.delete(box.value);
  };

  const clear = () => {
    chosen.clear();
    all = false;
  };

  root.addEventListener("click", (event) => {
    const box = event.target as HTMLInputElement;
    if (!box.matches?.("[data-select]") || !event.shiftKey || !last?.isConnected) return;
    const every = boxes();
    const [from, to] = [every.indexOf(last), every.indexOf(box)].sort((a, b) => a - b) as [number, number];
    for (const each of every.slice(from, to + 1)) set(each, box.checked);
  });

  root.addEventListener("change", (event) => {
    const box = event.target as HTMLInputElement;
    if (box.matches("[data-select-page]")) for (const each of boxes()) set(each, box.checked);
    else if (box.matches("[data-select]")) {
      set(box, box.checked);
      last = box;
    } else return;
    show();
  });

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey || isBusy(event.target)) return;
    const key = event.key.toLowerCase();
    const links = [...root.querySelectorAll<HTMLAnchorElement>("tr .row-link")];
    const row = root.contains(document.activeElement) ? document.activeElement!.closest<HTMLElement>("tbody tr") : null;
    const at = links.findIndex((link) => link.closest("tr") === row);
    if (key === "j" || key === "arrowdown") links[Math.min(links.length - 1, at + 1)]?.focus();
    else if (key === "k" || key === "arrowup") links[Math.max(0, at - 1)]?.focus();
    else if (key === "x" && row) {
      const box = row.querySelector<HTMLInputElement>("[data-select]");
      if (!box) return; // nothing can be done to this one
      set(box, !box.checked);
      last = box;
      show();
    } else if (key === "escape" && (all || chosen.size > 0)) {
      clear();
      show();
    } else return;
    event.preventDefault();
  });

  document.addEventListener(`${listed}:select`, (event) => {
    const { detail } = event as CustomEvent<{ all?: true; none?: true }>;
    clear();
    all = Boolean(detail.all);
    show();
  });

  document.addEventListener(`${listed}:asked`, show);

  document.addEventListener("htmx:afterSettle", () => {
    const now = filterOf(root);
    if (now !== filter) {
      filter = now;
      clear();
    }
    show();
  });
  show();
}

function aboutOf(box: HTMLInputElement): { workflow: string; version: string } {
  const { workflow = "", version = "" } = box.closest("tr")?.dataset ?? {};
  return { workflow, version };
}

function commonOf(runs: { workflow: string; version: string }[]): Workflow | null {
  const id = runs[0]?.workflow;
  if (!id || runs.some((each) => each.workflow !== id)) return null;
  return { id, versions: [...new Set(runs.map((each) => each.version))] };
}

function workflowOf({ workflowId }: Record<string, unknown>): Workflow | null {
  return typeof workflowId === "string" ? { id: workflowId, versions: null } : null;
}

/** A ticked box has the focus, which must not keep its row from being worked by keys. */
function isBusy(target: EventTarget | null): boolean {
  if (document.querySelector("dialog[open]")) return true;
  return isTyping(target) && !(target as HTMLElement).matches("[data-select], [data-select-page]");
}

function filterOf(root: HTMLElement): string {
  return root.querySelector<HTMLElement>("#results")?.dataset.filter ?? "";
}
