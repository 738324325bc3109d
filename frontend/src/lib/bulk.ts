/** Steering many runs at once: what it would do to how many, doing it, and how far it has come. */
import { api } from "./api";
import type { Fields, Verb } from "./steering";

export interface BulkPreview {
  matched: number;
  allowed: number;
  refused: { status: string; count: number; sentence: string }[];
  sentence: string;
}

export interface BulkOperation {
  id: string;
  operation: Verb;
  status: "RUNNING" | "COMPLETED" | "CANCELLED";
  total: number;
  done: number;
  succeeded: number;
  failed: number;
  problems: { instanceId: string; detail: string }[];
}

/** Which runs: some by their ids, or every one that a filter fits. */
export type Target = { ids: string[] } | { filter: Record<string, unknown> };

const PATH = "workflows/instances/bulk";

export const bulk = {
  preview: (operation: Verb, target: Target, fields: Fields) =>
    api.post<BulkPreview>(`${PATH}/preview`, { operation, ...target, ...fields }),
  begin: (operation: Verb, target: Target, fields: Fields, reason: string, key: string) =>
    api.post<BulkOperation>(
      PATH,
      { operation, ...target, ...fields, ...(reason ? { reason } : {}) },
      { "Idempotency-Key": key },
    ),
  read: (id: string) => api.get<BulkOperation>(`${PATH}/${id}`),
  /** The one that the reader began last. */
  latest: async () => {
    const { items } = await api.get<{ items: { id: string; status: string }[] }>(`${PATH}?limit=1`);
    return items[0]?.status === "RUNNING" ? bulk.read(items[0].id) : null;
  },
  stop: (id: string) => api.post<BulkOperation>(`${PATH}/${id}/cancel`),
};
