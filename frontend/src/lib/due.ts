/** Whether an element that says `data-refresh-every` (seconds) is to be read again; `now` and `readAt` in milliseconds. */
export function due(element: HTMLElement, now: number, readAt: number): boolean {
  const seconds = Number(element.dataset.refreshEvery);
  return seconds > 0 && now - readAt >= seconds * 1000;
}
