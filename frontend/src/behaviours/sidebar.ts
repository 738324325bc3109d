/** The navigation drawer of narrow windows: `<button data-sidebar-toggle>` opens `#sidebar`; Escape and the scrim close it. */
export function sidebar(): void {
  const bar = document.getElementById("sidebar");
  const scrim = document.getElementById("sidebar-scrim");
  const toggle = document.querySelector<HTMLElement>("[data-sidebar-toggle]");
  if (!bar || !scrim || !toggle) return;
  const show = (open: boolean) => {
    bar.toggleAttribute("data-open", open);
    scrim.hidden = !open;
    toggle.setAttribute("aria-expanded", String(open));
    if (open) bar.querySelector<HTMLElement>("a, button")?.focus();
  };
  toggle.addEventListener("click", () => show(!bar.hasAttribute("data-open")));
  scrim.addEventListener("click", () => show(false));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && bar.hasAttribute("data-open")) {
      show(false);
      toggle.focus();
    }
  });
}
