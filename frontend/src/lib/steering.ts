/** Steering runs through the API: what would follow from a verb, and doing it. */
import { api } from "./api";
import type { Instance, InstanceStatus, StepDocument, Violation } from "./documents";
import { stepType } from "./steps";

export type Verb = "retry" | "resume" | "signal" | "skip" | "move" | "suspend" | "migrate" | "cancel";

export interface Consequence {
  kind: string;
  stepId?: string;
  name?: string;
  count?: number;
  sentence: string;
}

export interface Preview {
  operation: Verb;
  allowed: boolean;
  refusal?: string | null;
  sentence: string;
  consequences: Consequence[];
  endsAs?: InstanceStatus | null;
  violations: Violation[];
}

export type Fields = Record<string, unknown>;

export function preview(id: string, verb: Verb, fields: Fields): Promise<Preview> {
  return api.post<Preview>(`workflows/instances/${id}/preview`, { operation: verb, ...fields });
}

export function steer(id: string, verb: Verb, fields: Fields, reason: string, key: string): Promise<unknown> {
  const body = reason ? { ...fields, reason } : fields;
  return api.post(`workflows/instances/${id}/${verb}`, body, { "Idempotency-Key": key });
}

const POSSIBLE: Record<InstanceStatus, Verb[]> = {
  CREATED: ["cancel"],
  RUNNING: ["signal", "skip", "move", "suspend", "migrate", "cancel"],
  WAITING_FOR_EVENT: ["signal", "skip", "move", "suspend", "migrate", "cancel"],
  SUSPENDED: ["resume", "signal", "migrate", "cancel"],
  COMPENSATING: ["skip"],
  FAILED: ["retry", "skip"],
  CANCELLED: ["retry"],
  COMPLETED: [],
};

/** The verbs that make sense for a run as it is now; the preview says whether one of them is refused all the same. */
export function possibleVerbs(instance: Pick<Instance, "status" | "state">): Verb[] {
  const waits = instance.state.waitingFor.some((wait) => wait.kind === "EVENT");
  return POSSIBLE[instance.status].filter((verb) => verb !== "signal" || waits);
}

const ACTIVE = new Set(["RUNNING", "WAITING", "PENDING"]);

/** Steps that the run stands at; those around others (a PARALLEL and its branches) last. */
export function positionsOf(instance: Pick<Instance, "state">, steps: Map<string, StepDocument>): string[] {
  const active = Object.entries(instance.state.steps).filter(([, state]) => ACTIVE.has(state.status));
  const isFork = (id: string) => ["PARALLEL", "FOR_EACH"].includes(stepType(steps.get(id) ?? { stepId: id }));
  return active.map(([id]) => id).sort((a, b) => Number(isFork(a)) - Number(isFork(b)));
}

/** The step where a run that is over stopped: where a retry begins and what can be passed over. */
export function stoppedAt(instance: Pick<Instance, "state">): string | null {
  const ended = Object.entries(instance.state.steps).filter(([, state]) =>
    ["FAILED", "TIMED_OUT", "CANCELLED"].includes(state.status),
  );
  const hard = ended.findLast(([, state]) => state.status !== "CANCELLED");
  return hard?.[0] ?? ended.at(-1)?.[0] ?? instance.state.currentStepId;
}
