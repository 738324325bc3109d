/**
 * Keys that work on every page: `?` help, ⌘K / Ctrl+K palette, `/` search, `g` then `h`, `w`, `i`, `s`, `t` to go somewhere.
 *
 * Targets stand in the page: `<a data-goto="w">`, `[data-search]`, `<dialog id="help">`.
 */
import { openDialog } from "./dialogs";

const SEQUENCE_MS = 900;

/** Whether keys typed now belong to a field or to an open dialog. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return (
    target.isContentEditable || target.matches("input, textarea, select") || target.closest("dialog[open]") !== null
  );
}

export function shortcuts(): void {
  let awaiting = 0;
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "?") openDialog("help");
    else if (event.key === "/") focusSearch();
    else if (event.key === "g") awaiting = Date.now();
    else if (awaiting && Date.now() - awaiting < SEQUENCE_MS) goTo(event.key);
    else return;
    if (event.key !== "g") awaiting = 0;
    event.preventDefault();
  });
}

function focusSearch(): void {
  const field = document.querySelector<HTMLInputElement>("[data-search]");
  field?.focus();
  field?.select();
}

function goTo(key: string): void {
  const link = [...document.querySelectorAll<HTMLAnchorElement>("a[data-goto]")].find(
    (each) => each.dataset.goto === key,
  );
  if (link) location.assign(link.href);
}
