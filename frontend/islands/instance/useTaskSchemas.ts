import { useEffect, useState } from "react";
import { api } from "@/lib/api";
import type { JsonSchema, StepDocument } from "@/lib/documents";

export interface Schemas {
  input: JsonSchema | null;
  output: JsonSchema | null;
}

const UNKNOWN: Schemas = { input: null, output: null };

/** What a step's task takes and gives; unknown where there is no task, or the reader may not see its definition. */
export function useTaskSchemas(step: StepDocument | undefined): Schemas {
  const [found, setFound] = useState<Schemas>(UNKNOWN);
  const taskId = step?.taskId;
  useEffect(() => {
    setFound(UNKNOWN);
    if (!taskId) return;
    let current = true;
    api
      .get<{ document: { inputSchema?: JsonSchema; outputSchema?: JsonSchema } }>(
        `tasks/definitions/${encodeURIComponent(taskId)}`,
      )
      .then(
        ({ document }) =>
          current && setFound({ input: document.inputSchema ?? null, output: document.outputSchema ?? null }),
        () => undefined, // without the schema there is JSON
      );
    return () => {
      current = false;
    };
  }, [taskId]);
  const form = step?.taskDefinition?.taskForm;
  if (form && typeof form === "object" && !("componentId" in form)) {
    return { input: null, output: form as JsonSchema };
  }
  return found;
}
