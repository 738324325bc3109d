/** One socket for everything on a page that cares about tasks: the badge, the inbox, an open task. */
import { LiveFeed } from "./live";

type Listener = () => void;

const listeners = new Set<Listener>();
let feed: LiveFeed | null = null;
let opened = false;

/** Calls `listener` whenever tasks of this person may have changed. Returns how to stop it. */
export function onTasksChanged(listener: Listener): () => void {
  listeners.add(listener);
  feed ??= new LiveFeed("/ws/tasks", {
    onHint: (seq) => {
      // The first connection says nothing new: the page has just been made.
      if (seq !== null || opened) for (const each of listeners) each();
      opened = true;
    },
  });
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    feed?.close();
    feed = null;
  };
}
