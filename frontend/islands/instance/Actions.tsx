import { CirclePause, CirclePlay, CircleX, RotateCcw } from "lucide-react";
import { useState } from "react";
import { ReasonDialog } from "@/components/ui/ReasonDialog";
import { api, idempotencyKey } from "@/lib/api";
import type { Instance } from "@/lib/documents";
import { stepsById } from "@/lib/graph";
import { stepName } from "@/lib/steps";
import { compensable, consequences, failedStep, possibleVerbs, type Verb } from "./verbs";

const LOOKS: Record<Verb, { label: string; title: string; confirm: string; icon: typeof CircleX }> = {
  suspend: { label: "Suspend", title: "Suspend this run?", confirm: "Suspend run", icon: CirclePause },
  resume: { label: "Resume", title: "Resume this run?", confirm: "Resume run", icon: CirclePlay },
  cancel: { label: "Cancel", title: "Cancel this run?", confirm: "Cancel run", icon: CircleX },
  retry: { label: "Retry", title: "Retry this run?", confirm: "Retry run", icon: RotateCcw },
};

export function Actions({ instance, onDone }: { instance: Instance; onDone: () => void }) {
  const [asked, setAsked] = useState<Verb | null>(null);
  const [shouldCompensate, setShouldCompensate] = useState(true);
  const [stepId, setStepId] = useState("");

  const verbs = possibleVerbs(instance);
  const undoable = compensable(instance);

  const confirm = async (reason: string) => {
    const body: Record<string, unknown> = { reason };
    if (asked === "cancel") body.shouldCompensate = undoable.length > 0 && shouldCompensate;
    if (asked === "retry" && stepId) body.stepId = stepId;
    await api.post(`workflows/instances/${instance.id}/${asked}`, body, { "Idempotency-Key": idempotencyKey() });
    onDone();
  };

  const close = () => setAsked(null);
  return (
    <>
      {verbs.map((verb) => {
        const { label, icon: Icon } = LOOKS[verb];
        return (
          <button
            key={verb}
            type="button"
            className={`btn btn-sm ${verb === "cancel" ? "btn-danger" : "btn-quiet"}`}
            onClick={() => setAsked(verb)}
          >
            <Icon className="icon" aria-hidden /> {label}
          </button>
        );
      })}
      {asked && (
        <ReasonDialog
          title={LOOKS[asked].title}
          confirmLabel={LOOKS[asked].confirm}
          danger={asked === "cancel"}
          reason={asked === "cancel" || asked === "suspend" ? "required" : "optional"}
          consequences={consequences(asked, instance, shouldCompensate)}
          onConfirm={confirm}
          onClose={close}
        >
          {asked === "cancel" && undoable.length > 0 && (
            <label className="choice">
              <input
                type="checkbox"
                className="checkbox checkbox-sm checkbox-primary"
                checked={shouldCompensate}
                onChange={(event) => setShouldCompensate(event.target.checked)}
              />
              <span>Undo what was completed</span>
            </label>
          )}
          {asked === "retry" && <StepChoice instance={instance} value={stepId} onChange={setStepId} />}
        </ReasonDialog>
      )}
    </>
  );
}

function StepChoice({
  instance,
  value,
  onChange,
}: {
  instance: Instance;
  value: string;
  onChange: (id: string) => void;
}) {
  const failed = failedStep(instance);
  const steps = [...stepsById(instance.document).values()].filter((step) => instance.state.steps[step.stepId]);
  return (
    <label className="grid gap-1">
      <span className="field-label">Begin at</span>
      <select className="form-control" value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">Where it ended{failed ? ` (${failed})` : ""}</option>
        {steps.map((step) => (
          <option key={step.stepId} value={step.stepId}>
            {stepName(step)}
          </option>
        ))}
      </select>
    </label>
  );
}
