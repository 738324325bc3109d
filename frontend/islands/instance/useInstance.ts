/**
 * The state of one run, kept current: a hint on the socket says that something changed, the API says what.
 *
 * History is asked for after the last number without a gap, so that hints lost on the way cost nothing. Hints that come
 * while a question is under way lead to one more question, not to many.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { api } from "@/lib/api";
import type { Explanation, HistoryEntry, Instance } from "@/lib/documents";
import { contiguousUpTo, merge } from "@/lib/history";
import { type FeedState, LiveFeed } from "@/lib/live";

export interface InstanceState {
  instance: Instance;
  history: HistoryEntry[];
  explanation: Explanation | null;
}

interface HistoryPage {
  items: HistoryEntry[];
  next: number | string | null;
}

const MAX_PAGES = 50;
const RETRY_MS = 3_000;

export async function readHistory(id: string, known: HistoryEntry[]): Promise<HistoryEntry[]> {
  let entries = known;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const after = contiguousUpTo(entries);
    const answer = await api.get<HistoryPage>(`workflows/instances/${id}/history?after=${after}&limit=500`);
    const merged = merge(entries, answer.items);
    const done = answer.next === null || answer.next === undefined || contiguousUpTo(merged) === after;
    entries = merged;
    if (done) break;
  }
  return entries;
}

export function useInstance(initial: InstanceState) {
  const [state, setState] = useState(initial);
  const [feed, setFeed] = useState<FeedState>("connecting");
  const latest = useRef(initial);
  const asking = useRef(false);
  const askAgain = useRef(false);
  const id = initial.instance.id;

  const refresh = useCallback(async () => {
    if (asking.current) {
      askAgain.current = true;
      return;
    }
    asking.current = true;
    try {
      do {
        askAgain.current = false;
        const [instance, explanation, history] = await Promise.all([
          api.get<Instance>(`workflows/instances/${id}`),
          api.get<Explanation>(`workflows/instances/${id}/explain`),
          readHistory(id, latest.current.history),
        ]);
        // A version's document never changes; keeping the object keeps the graph's layout.
        const before = latest.current.instance;
        const kept = before.definitionVersion === instance.definitionVersion;
        const document = kept ? before.document : instance.document;
        latest.current = { instance: { ...instance, document }, explanation, history };
        setState(latest.current);
      } while (askAgain.current);
    } catch {
      setTimeout(() => void refresh(), RETRY_MS);
    } finally {
      asking.current = false;
    }
  }, [id]);

  useEffect(() => {
    const live = new LiveFeed(`/ws/instances/${id}`, {
      onState: setFeed,
      onHint: (seq) => {
        if (seq === null || seq > contiguousUpTo(latest.current.history)) void refresh();
      },
    });
    return () => live.close();
  }, [id, refresh]);

  return { ...state, feed, refresh };
}
