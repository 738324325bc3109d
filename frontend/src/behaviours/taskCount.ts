/** The number beside "Tasks" in the navigation (`<span data-task-count>`), kept in step with the inbox by the same counts. */
import { api } from "../lib/api";
import { onTasksChanged } from "../lib/taskFeed";

interface Counts {
  my: number;
  group: number;
  overdue: number;
}

export function showTaskCount(element: HTMLElement, counts: Counts): void {
  const open = counts.my + counts.group;
  element.textContent = String(open);
  element.hidden = open === 0;
  element.classList.toggle("count-alert", counts.overdue > 0);
}

export function taskCount(): void {
  const element = document.querySelector<HTMLElement>("[data-task-count]");
  if (!element) return;
  onTasksChanged(() => {
    api.get<Counts>("tasks/counts").then(
      (counts) => showTaskCount(element, counts),
      () => undefined,
    );
  });
}
