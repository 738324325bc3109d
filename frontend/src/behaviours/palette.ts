/**
 * The ⌘K palette: `<dialog id="palette" data-source="/palette">` with an input and a listbox.
 *
 * Entries `{label, hint, href, icon, keywords}` come from the server (what this person may open), are fetched on first
 * use and ranked here. `[data-palette]` opens it too.
 */
import { rank, type Entry } from "../lib/ranking";

export function palette(): void {
  const dialog = document.getElementById("palette");
  if (!(dialog instanceof HTMLDialogElement)) return;
  const input = dialog.querySelector("input") as HTMLInputElement;
  const list = dialog.querySelector("[role=listbox]") as HTMLElement;
  let entries: Entry[] | null = null;
  let active = 0;

  const options = () => [...list.querySelectorAll<HTMLAnchorElement>("[role=option]")];

  const mark = (index: number) => {
    const all = options();
    active = all.length ? (index + all.length) % all.length : 0;
    all.forEach((option, at) => option.setAttribute("aria-selected", String(at === active)));
    all[active]?.scrollIntoView?.({ block: "nearest" });
    const chosen = all[active];
    if (chosen) input.setAttribute("aria-activedescendant", chosen.id);
    else input.removeAttribute("aria-activedescendant");
  };

  const draw = () => {
    const found = rank(entries ?? [], input.value).slice(0, 12);
    list.replaceChildren(...found.map(option));
    if (found.length === 0) list.append(nothing(entries === null ? "Loading…" : "Nothing matches."));
    mark(0);
  };

  const open = async () => {
    if (dialog.open) return;
    input.value = "";
    dialog.showModal();
    draw();
    if (entries === null) {
      const response = await fetch(dialog.dataset.source as string, { headers: { Accept: "application/json" } });
      entries = response.ok ? ((await response.json()) as { entries: Entry[] }).entries : [];
      draw();
    }
  };

  input.addEventListener("input", draw);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") mark(active + 1);
    else if (event.key === "ArrowUp") mark(active - 1);
    else if (event.key === "Enter") options().at(active)?.click();
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && (event.metaKey || event.ctrlKey)) {
      event.preventDefault();
      void open();
    }
  });
  document.addEventListener("click", (event) => {
    if ((event.target as Element).closest("[data-palette]")) void open();
  });
}

function option(entry: Entry, index: number): HTMLElement {
  const link = document.createElement("a");
  link.href = entry.href;
  link.id = `palette-option-${index}`;
  link.className = "palette-option";
  link.setAttribute("role", "option");
  link.tabIndex = -1;
  const label = document.createElement("span");
  label.className = "clip";
  label.textContent = entry.label;
  const hint = document.createElement("span");
  hint.className = "hint clip";
  hint.textContent = entry.hint;
  link.append(label, hint);
  return link;
}

function nothing(text: string): HTMLElement {
  const line = document.createElement("p");
  line.className = "palette-nothing";
  line.textContent = text;
  return line;
}
