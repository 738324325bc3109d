/** What the rule means, while it is being written: in words, and the next fires in its zone and in the reader's. */
import { useEffect, useState } from "react";
import { api } from "@/lib/api";
import type { Violation } from "@/lib/documents";
import { brief } from "@/lib/time";

export interface Ahead {
  words: string;
  timezone: string;
  valid: boolean;
  violations: Violation[];
  next: { slot: string; local: string; dueAt: string }[];
}

const PAUSE_MS = 250;

/** The server's answer to a document, asked for when it has stood still for a moment; null before the first. */
export function useAhead(document: Record<string, unknown>): Ahead | null {
  const text = JSON.stringify(document);
  const [ahead, setAhead] = useState<Ahead | null>(null);
  useEffect(() => {
    let current = true;
    const timer = setTimeout(async () => {
      try {
        const answer = await api.post<Ahead>("workflows/schedules/preview?count=5", JSON.parse(text));
        if (current) setAhead(answer);
      } catch {
        // Without a preview the form still works: saving says what is wrong.
        if (current) setAhead(null);
      }
    }, PAUSE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [text]);
  return ahead;
}

export function Preview({ ahead }: { ahead: Ahead | null }) {
  if (!ahead?.words) return null;
  return (
    <div className="panel" aria-live="polite">
      <div className="panel-body grid gap-2">
        <p className="font-medium">{ahead.words}</p>
        {ahead.next.length > 0 ? (
          <ul className="grid gap-1 text-xs">
            {ahead.next.map((each) => (
              <li key={each.slot} className="flex flex-wrap gap-x-3">
                <span className="num">{clockOf(each.local)}</span>
                <span className="text-muted">{brief(each.slot)} your time</span>
              </li>
            ))}
          </ul>
        ) : (
          <p className="text-muted">It does not fire any more.</p>
        )}
      </div>
    </div>
  );
}

/** `2026-03-29T03:00:00+02:00` → `2026-03-29 03:00 +02:00`: the wall clock there, not here. */
export function clockOf(local: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?(?:\.\d+)?(.*)$/.exec(local);
  if (!match) return local;
  const seconds = match[3] === ":00" || !match[3] ? "" : match[3];
  return `${match[1]} ${match[2]}${seconds} ${match[4]}`;
}
