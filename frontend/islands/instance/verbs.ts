/** What can be done to a run, when, and what will follow from it, in sentences. */
import type { Instance } from "@/lib/documents";
import { stepsById } from "@/lib/graph";
import { stepName } from "@/lib/steps";

export type Verb = "cancel" | "suspend" | "resume" | "retry";

const UNDER_WAY = new Set(["CREATED", "RUNNING", "WAITING_FOR_EVENT"]);

export function possibleVerbs(instance: Pick<Instance, "status">): Verb[] {
  if (instance.status === "CREATED") return ["cancel"];
  if (UNDER_WAY.has(instance.status)) return ["suspend", "cancel"];
  if (instance.status === "SUSPENDED") return ["resume", "cancel"];
  if (instance.status === "COMPENSATING") return [];
  if (instance.status === "FAILED" || instance.status === "CANCELLED") return ["retry"];
  return [];
}

const ACTIVE = new Set(["RUNNING", "WAITING", "PENDING"]);

/** Names of the steps in that state, as the definition calls them. */
function named(instance: Instance, wanted: (status: string) => boolean): string[] {
  const steps = stepsById(instance.document);
  return Object.entries(instance.state.steps)
    .filter(([, state]) => wanted(state.status))
    .map(([id]) => {
      const step = steps.get(id);
      return step ? stepName(step) : id;
    });
}

function listed(names: string[]): string {
  return names.slice(0, 4).join(", ") + (names.length > 4 ? ` and ${names.length - 4} more` : "");
}

/** Completed steps for which the definition declares how to undo them. */
export function compensable(instance: Instance): string[] {
  return (instance.document.compensationSteps ?? [])
    .filter((entry) => instance.state.steps[entry.compensationFor]?.status === "COMPLETED")
    .map((entry) => entry.compensationFor);
}

/** The step a retry begins with when none is chosen. */
export function failedStep(instance: Instance): string | null {
  const failed = Object.entries(instance.state.steps).filter(([, state]) =>
    ["FAILED", "TIMED_OUT", "CANCELLED"].includes(state.status),
  );
  const hard = failed.find(([, state]) => state.status !== "CANCELLED");
  return hard?.[0] ?? failed[0]?.[0] ?? null;
}

export function consequences(verb: Verb, instance: Instance, shouldCompensate: boolean): string[] {
  const active = named(instance, (status) => ACTIVE.has(status));
  const people = instance.state.waitingFor.filter((wait) => wait.kind === "HUMAN");
  switch (verb) {
    case "cancel": {
      const undone = compensable(instance);
      return [
        active.length
          ? `Stops ${active.length === 1 ? "the active step" : `${active.length} active steps`}: ${listed(active)}.`
          : "No step is active right now.",
        ...people.map(
          (wait) =>
            `Withdraws the task “${wait.title ?? wait.stepId}”${wait.assignee ? ` from ${wait.assignee}` : ""}.`,
        ),
        shouldCompensate && undone.length
          ? `Undoes what was completed, last first: ${listed([...undone].reverse())}.`
          : undone.length
            ? `Leaves what was completed as it is: ${listed(undone)}.`
            : "Nothing of what was completed has a declared way back.",
      ];
    }
    case "suspend":
      return [
        active.length
          ? `Rests at ${listed(active)}; a call that is already on its way still ends.`
          : "No further step begins.",
        "Timers stop and keep the time they have left.",
        "What arrives meanwhile is kept for later.",
      ];
    case "resume":
      return ["Goes on where it rested.", "Timers run on with the time they had left."];
    case "retry": {
      const from = failedStep(instance);
      return [
        "Begins again at the chosen step and goes on from there.",
        "Steps that were completed before keep their results; people are not asked again.",
        ...(from ? [`It ended at “${from}”.`] : []),
      ];
    }
  }
}
