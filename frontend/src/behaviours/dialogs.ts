/**
 * Dialogs without a script of their own: `<button data-opens="id">` opens `<dialog id="id">`, `<button data-closes>` inside
 * closes it, as does a click on the backdrop. `<dialog data-open-on-load>` is open from the start.
 */
export function dialogs(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    const opener = target.closest<HTMLElement>("[data-opens]");
    if (opener?.dataset.opens) openDialog(opener.dataset.opens);
    if (target.closest("[data-closes]")) target.closest("dialog")?.close();
    if (target instanceof HTMLDialogElement && target.open && !inside(target, event as MouseEvent)) target.close();
  });
  for (const { id } of document.querySelectorAll("dialog[data-open-on-load]")) openDialog(id);
}

export function openDialog(id: string): void {
  const dialog = document.getElementById(id);
  if (!(dialog instanceof HTMLDialogElement) || dialog.open) return;
  dialog.showModal();
  // A sheet with content of its own must not begin at its close button.
  if (dialog.autofocus) dialog.focus();
}

function inside(dialog: HTMLDialogElement, event: MouseEvent): boolean {
  // Keyboard activation of a button reports 0,0.
  if (event.detail === 0) return true;
  const box = dialog.getBoundingClientRect();
  return (
    event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom
  );
}
