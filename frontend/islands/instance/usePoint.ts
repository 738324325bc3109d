/**
 * Looking back: the point of the history that is shown, and what the run was like then. The address holds it (`?at=` a number
 * or a time), so that a link leads to the same picture.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import { api, messageOf } from "@/lib/api";
import type { Instance, PastState } from "@/lib/documents";

const SETTLE_MS = 60;

export interface Point {
  /** The number of the entry, or null: the present. */
  seq: number | null;
  past: PastState | null;
  failure: string;
  /** A number, a time, or null for the present. */
  go: (to: number | string | null) => void;
}

export function usePoint(id: string): Point {
  const [wanted, setWanted] = useState<number | string | null>(fromAddress);
  const [past, setPast] = useState<PastState | null>(null);
  const [failure, setFailure] = useState("");
  const known = useRef(new Map<string, PastState>());

  useEffect(() => {
    setFailure("");
    if (wanted === null) {
      setPast(null);
      return;
    }
    const key = String(wanted);
    const before = known.current.get(key);
    if (before) {
      setPast(before);
      return;
    }
    let current = true;
    const ask = async () => {
      try {
        const answer = await api.get<{ state: PastState }>(
          `workflows/instances/${id}/history?at=${encodeURIComponent(key)}&limit=1`,
        );
        known.current.set(key, answer.state).set(String(answer.state.seq), answer.state);
        if (!current) return;
        setPast(answer.state);
        if (typeof wanted === "string") setWanted(answer.state.seq);
      } catch (error) {
        if (current) setFailure(messageOf(error));
      }
    };
    const timer = setTimeout(() => void ask(), SETTLE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [id, wanted]);

  useEffect(() => {
    const address = new URL(location.href);
    if (wanted === null) address.searchParams.delete("at");
    else address.searchParams.set("at", String(wanted));
    if (address.href !== location.href) history.replaceState(history.state, "", address);
  }, [wanted]);

  const go = useCallback((to: number | string | null) => setWanted(to), []);
  return { seq: typeof wanted === "number" ? wanted : wanted === null ? null : (past?.seq ?? 0), past, failure, go };
}

function fromAddress(): number | string | null {
  const at = new URL(location.href).searchParams.get("at");
  if (!at) return null;
  return /^\d{1,9}$/.test(at) ? Number(at) : at;
}

/** The run as it was: what the graph, the bars and the inspector show instead of the present. */
export function asItWas(instance: Instance, past: PastState): Instance {
  return {
    ...instance,
    status: past.status,
    definitionVersion: past.definitionVersion,
    output: past.output,
    error: past.error,
    cancellation: past.cancellation,
    completedAt: OVER.has(past.status) ? past.at : null,
    state: {
      variables: past.variables,
      currentStepId: past.currentStepId,
      steps: past.steps,
      waitingFor: past.positions.map((each) => ({ kind: "TASK", stepId: each.stepId, since: each.since })),
    },
    document: past.document ?? instance.document,
  };
}

const OVER = new Set(["COMPLETED", "FAILED", "CANCELLED"]);
