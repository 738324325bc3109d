/** Asking the server what triggers would make of an event. */
import { useEffect, useState } from "react";
import { ApiProblem, api, messageOf } from "@/lib/api";
import type { Violation } from "@/lib/documents";

export interface Verdict {
  triggerId: string;
  name: string;
  workflowId: string;
  unsaved: boolean;
  state: "ACTIVE" | "PAUSED";
  eventPattern: string;
  matches: boolean;
  reason: string;
  input: unknown;
  inputViolations: Violation[];
  correlationKey: string | null;
  would: "start" | "cancel" | "skip";
  violations: Violation[];
}

export interface Tried {
  violations: Violation[];
  verdicts: Verdict[];
  more: boolean;
  hints: { eventPattern: string; sentence: string }[];
}

export interface Asked {
  answer: Tried | null;
  failure: string;
}

const PAUSE_MS = 250;

/** The answer for an event, and for an unsaved trigger beside it; asked for anew when both have stood still. */
export function useVerdicts(event: unknown, trigger?: unknown): Asked {
  const text = event === null ? null : JSON.stringify({ event, trigger });
  const [asked, setAsked] = useState<Asked>({ answer: null, failure: "" });
  useEffect(() => {
    if (text === null) {
      setAsked({ answer: null, failure: "" });
      return;
    }
    let current = true;
    const timer = setTimeout(async () => {
      try {
        const answer = await api.post<Tried>("workflows/triggers/test", JSON.parse(text));
        if (current) setAsked({ answer, failure: "" });
      } catch (error) {
        if (current) setAsked({ answer: null, failure: wordsOf(error) });
      }
    }, PAUSE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [text]);
  return asked;
}

function wordsOf(error: unknown): string {
  const first = error instanceof ApiProblem ? error.violations[0] : undefined;
  return first ? `${first.message} ${first.hint ?? ""}`.trim() : messageOf(error);
}
