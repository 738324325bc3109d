/** Whether an expression of an event holds, asked a moment after the last key. */
import { useEffect, useState } from "react";
import { api } from "@/lib/api";
import type { Violation } from "@/lib/documents";

const AFTER_MS = 300;

interface Answer {
  valid: boolean;
  violations: Violation[];
  reads: { path: string[] }[];
}

export interface Checked {
  violation: Violation | undefined;
  reads: string[];
}

const NOTHING: Checked = { violation: undefined, reads: [] };

export function useExpression(expression: string): Checked {
  const [checked, setChecked] = useState<Checked>(NOTHING);
  useEffect(() => {
    let current = true;
    if (!expression.trim()) {
      setChecked(NOTHING);
      return;
    }
    const timer = setTimeout(() => {
      api.post<Answer>("validation/expressions", { expression, roots: ["event"] }).then(
        (found) =>
          current &&
          setChecked({
            violation: found.violations.find((each) => each.severity === "error"),
            reads: [...new Set(found.reads.map((each) => each.path.join(".")))],
          }),
        // Who may not ask is told when it is saved.
        () => current && setChecked(NOTHING),
      );
    }, AFTER_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [expression]);
  return checked;
}
