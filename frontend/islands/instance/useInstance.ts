/**
 * The state of one run, kept current: a hint on the socket says that something changed, the API says what.
 *
 * Of the history the newest part is kept, and what was asked for besides: entries are numbered without a gap, so that any
 * of them can be asked for by number, and hints lost on the way cost nothing. Where more happened than one answer holds,
 * what lies between is left for when somebody looks. Hints that come while a question is under way lead to one more
 * question, not to many.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { api } from "@/lib/api";
import type { Explanation, HistoryEntry, Instance } from "@/lib/documents";
import { lastOf, merge } from "@/lib/history";
import { type FeedState, LiveFeed } from "@/lib/live";

export interface InstanceState {
  instance: Instance;
  history: HistoryEntry[];
  explanation: Explanation | null;
}

/** Entries first … first + count - 1. */
export type Load = (first: number, count: number) => Promise<HistoryEntry[]>;

export interface HistoryPage {
  items: HistoryEntry[];
  next: string | null;
}

const NEWEST = 500;
const KEPT = 5_000;
const RETRY_MS = 3_000;
const PAUSE_MS = 400;

/** What is new up to entry ``latest``; only the last of it where that is a lot. */
async function readNewer(id: string, known: HistoryEntry[], latest: number): Promise<HistoryEntry[]> {
  const last = lastOf(known);
  if (latest <= last) return [];
  const after = Math.max(last, latest - NEWEST);
  return (await api.get<HistoryPage>(`workflows/instances/${id}/history?after=${after}&limit=${NEWEST}`)).items;
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
        const [instance, explanation] = await Promise.all([
          api.get<Instance>(`workflows/instances/${id}`),
          api.get<Explanation>(`workflows/instances/${id}/explain`),
        ]);
        const newer = await readNewer(id, latest.current.history, instance.seq);
        const history = merge(latest.current.history, newer).slice(-KEPT);
        // A version's document never changes; keeping the object keeps the graph's layout.
        const before = latest.current.instance;
        const kept = before.definitionVersion === instance.definitionVersion;
        const document = kept ? before.document : instance.document;
        latest.current = { instance: { ...instance, document }, explanation, history };
        setState(latest.current);
        // A busy run changes all the time; nobody reads faster.
        if (askAgain.current) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      } while (askAgain.current);
    } catch {
      setTimeout(() => void refresh(), RETRY_MS);
    } finally {
      asking.current = false;
    }
  }, [id]);

  /** Entries from number ``first`` on, where they are not known. */
  const load = useCallback(
    async (first: number, count: number) => {
      const { items } = await api.get<HistoryPage>(
        `workflows/instances/${id}/history?after=${first - 1}&limit=${count}`,
      );
      latest.current = { ...latest.current, history: merge(latest.current.history, items) };
      setState(latest.current);
      return items;
    },
    [id],
  );

  useEffect(() => {
    const live = new LiveFeed(`/ws/instances/${id}`, {
      onState: setFeed,
      onHint: (seq) => {
        if (seq === null || seq > lastOf(latest.current.history)) void refresh();
      },
    });
    return () => live.close();
  }, [id, refresh]);

  return { ...state, feed, refresh, load };
}
