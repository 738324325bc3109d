/** Keeps an unfinished answer on the server: a moment after the last change, and once more when the page is left. */
import { useCallback, useEffect, useRef, useState } from "react";
import { ApiProblem, api } from "@/lib/api";
import { withoutUndefined } from "@/lib/rjsfValidator";

export type DraftState = "none" | "unsaved" | "saving" | "saved" | "failed";

const QUIET_MS = 800;
const AGAIN_MS = 4_000;

export function useDraft(taskId: string, enabled: boolean) {
  const [state, setState] = useState<DraftState>("none");
  const [savedAt, setSavedAt] = useState<string | null>(null);
  const pending = useRef<unknown>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const save = useCallback(async () => {
    clearTimeout(timer.current);
    if (pending.current === undefined) return;
    const draft = withoutUndefined(pending.current);
    pending.current = undefined;
    setState("saving");
    try {
      await api.put(`tasks/${taskId}/draft`, { draft });
      setSavedAt(new Date().toISOString());
      setState(pending.current === undefined ? "saved" : "unsaved");
    } catch (error) {
      setState("failed");
      // Refused for good (taken by somebody, too large) is not tried again; a lost connection is.
      if (error instanceof ApiProblem && error.status !== 0 && error.status < 500) return;
      pending.current ??= draft;
      timer.current = setTimeout(() => void save(), AGAIN_MS);
    }
  }, [taskId]);

  const change = useCallback(
    (value: unknown) => {
      if (!enabled) return;
      pending.current = value;
      setState("unsaved");
      clearTimeout(timer.current);
      timer.current = setTimeout(() => void save(), QUIET_MS);
    },
    [enabled, save],
  );

  /** Nothing more is to be saved: the task is answered. */
  const settle = useCallback(() => {
    clearTimeout(timer.current);
    pending.current = undefined;
    setState("none");
  }, []);

  useEffect(() => {
    const leave = () => void save();
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      void save();
    };
  }, [save]);

  return { state, savedAt, change, settle };
}
