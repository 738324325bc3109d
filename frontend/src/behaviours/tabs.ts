/** `<nav class="tabs-line">` that is wider than the window begins where the current tab can be seen. */
export function tabs(): void {
  for (const line of document.querySelectorAll<HTMLElement>("nav.tabs-line")) {
    const current = line.querySelector('[aria-current="page"]');
    if (!current) continue;
    const [outer, inner] = [line.getBoundingClientRect(), current.getBoundingClientRect()];
    if (inner.right > outer.right) line.scrollLeft += inner.right - outer.right + outer.width / 4;
  }
}
