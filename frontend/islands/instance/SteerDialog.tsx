/** Steering one run: what to do exactly, what will follow, why; then it is done. */
import { useRef, useState } from "react";
import { Consequences } from "@/components/ui/Consequences";
import { ReasonDialog } from "@/components/ui/ReasonDialog";
import { idempotencyKey } from "@/lib/api";
import type { Instance } from "@/lib/documents";
import { type Fields, steer, type Verb } from "@/lib/steering";
import { usePreview } from "@/lib/usePreview";
import { CancelFields, MigrateFields, MoveFields, RetryFields, SignalFields, SkipFields } from "./SteerFields";
import { LOOKS } from "./verbs";

/** What the dialog begins with, where it was opened from a step. */
export interface Preset {
  stepId?: string;
  to?: string;
}

export interface SteerRequest {
  verb: Verb;
  preset: Preset;
}

interface SteerDialogProps {
  instance: Instance;
  request: SteerRequest;
  onDone: () => void;
  onClose: () => void;
  /** Let the reader choose a step on the graph. */
  onPick: (request: SteerRequest) => void;
}

/** `change(null)`: what was filled in so far is not yet enough, or broken. */
export interface FieldsProps {
  instance: Instance;
  preset: Preset;
  change: (fields: Fields | null) => void;
}

export function SteerDialog({ instance, request, onDone, onClose, onPick }: SteerDialogProps) {
  const { verb, preset } = request;
  const look = LOOKS[verb];
  const [fields, setFields] = useState<Fields | null>(NEEDS_NOTHING.has(verb) ? {} : null);
  const state = usePreview(instance.id, verb, fields);
  const key = useRef(idempotencyKey());

  const confirm = async (reason: string) => {
    if (fields === null) return;
    try {
      await steer(instance.id, verb, fields, reason, key.current);
    } catch (error) {
      key.current = idempotencyKey();
      throw error;
    }
    onDone();
  };

  const shared = { instance, preset, change: setFields };
  return (
    <ReasonDialog
      title={look.title}
      confirmLabel={look.confirm}
      danger={look.danger}
      reason={look.reason}
      wide
      blocked={fields === null || state.asking || !state.answer?.allowed}
      report={<Consequences state={state} incomplete="Fill in the fields above to see what would follow." />}
      onConfirm={confirm}
      onClose={onClose}
    >
      {verb === "cancel" && <CancelFields {...shared} />}
      {verb === "retry" && <RetryFields {...shared} />}
      {verb === "skip" && <SkipFields {...shared} />}
      {verb === "move" && <MoveFields {...shared} onPick={() => onPick(request)} />}
      {verb === "signal" && <SignalFields {...shared} />}
      {verb === "migrate" && <MigrateFields {...shared} />}
    </ReasonDialog>
  );
}

const NEEDS_NOTHING = new Set<Verb>(["suspend", "resume"]);
