/** The form of a task with its action buttons. */
import { useImperativeHandle, useRef, useState, type Ref } from "react";
import { SchemaForm, type SchemaFormHandle } from "@/components/form/SchemaForm";
import { ReasonDialog } from "@/components/ui/ReasonDialog";
import { ApiProblem, api, idempotencyKey, messageOf } from "@/lib/api";
import type { JsonSchema, TaskAction, TaskDetail, Violation } from "@/lib/documents";
import { below } from "@/lib/pointer";
import { absolute, clock } from "@/lib/time";
import { actionLabel, actionsOf, confirmationOf } from "./situation";
import { type DraftState, useDraft } from "./useDraft";

export interface AnswerFormHandle {
  /** The primary action, as if its button was pressed. */
  primary: () => void;
}

interface AnswerFormProps {
  task: TaskDetail;
  onCompleted: (task: TaskDetail) => void;
  /** The server said that the state has changed under us. */
  onConflict: (message: string) => void;
  ref?: Ref<AnswerFormHandle>;
}

const NO_FORM: JsonSchema = { type: "object", properties: {} };

export function AnswerForm({ task, onCompleted, onConflict, ref }: AnswerFormProps) {
  const schema = formSchema(task);
  const [value, setValue] = useState<unknown>(task.draft ?? {});
  const [violations, setViolations] = useState<Violation[]>([]);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState("");
  const [confirming, setConfirming] = useState<{ action: TaskAction; output: unknown } | null>(null);
  const draft = useDraft(task.id, task.allowed.includes("draft"));
  const form = useRef<SchemaFormHandle>(null);
  const edited = useRef(false);
  const key = useRef(idempotencyKey());
  const actions = actionsOf(task);
  // Any key or choice inside the form makes what follows the person's own.
  const edit = () => {
    edited.current = true;
  };

  const complete = async (action: TaskAction, output: unknown) => {
    setBusy(action.actionKey || "complete");
    setFailure("");
    setViolations([]);
    draft.settle();
    try {
      const body = { output, ...(action.actionKey ? { action: action.actionKey } : {}) };
      onCompleted(await api.post<TaskDetail>(`tasks/${task.id}/complete`, body, { "Idempotency-Key": key.current }));
    } catch (error) {
      setBusy("");
      if (error instanceof ApiProblem) {
        if (error.status !== 0) key.current = idempotencyKey();
        setViolations(error.violations.flatMap(moved));
        if ([403, 404, 409, 412].includes(error.status)) onConflict(error.message);
      }
      setFailure(messageOf(error));
      throw error;
    }
  };

  const press = (action: TaskAction) => {
    const checked = form.current?.submit();
    if (!checked?.valid) {
      setFailure("Some fields need another look.");
      return;
    }
    setFailure("");
    if (confirmationOf(action)) setConfirming({ action, output: checked.data });
    else complete(action, checked.data).catch(() => undefined);
  };

  useImperativeHandle(ref, () => ({
    primary: () => press(actions.find((each) => each.style === "primary") ?? (actions[0] as TaskAction)),
  }));

  return (
    <div className="grid gap-4" data-task-form onInputCapture={edit} onClickCapture={edit}>
      <SchemaForm
        ref={form}
        schema={schema}
        value={value}
        serverViolations={violations}
        disabled={busy !== ""}
        idPrefix="answer"
        onChange={(next) => {
          setValue(next);
          // Filling in defaults is no edit.
          if (edited.current) draft.change(next);
        }}
      />
      {failure && (
        <p className="field-error" role="alert">
          {failure}
        </p>
      )}
      <div className="task-actions">
        {actions.map((action) => (
          <button
            key={action.actionKey}
            type="button"
            className={`btn btn-sm ${buttonStyle(action)}`}
            disabled={busy !== ""}
            data-action={action.actionKey}
            onClick={() => press(action)}
          >
            {busy === (action.actionKey || "complete") && (
              <span className="loading loading-spinner loading-xs" aria-hidden />
            )}
            {actionLabel(action)}
          </button>
        ))}
        <DraftMark state={draft.state} savedAt={draft.savedAt} />
      </div>
      {confirming && (
        <ReasonDialog
          title={`${actionLabel(confirming.action)}?`}
          consequences={[confirmationOf(confirming.action) ?? ""]}
          confirmLabel={actionLabel(confirming.action)}
          danger={confirming.action.style === "danger"}
          reason="none"
          dismissLabel="Back"
          onConfirm={() => complete(confirming.action, confirming.output)}
          onClose={() => setConfirming(null)}
        />
      )}
    </div>
  );
}

function formSchema(task: TaskDetail): JsonSchema {
  const form = task.form as JsonSchema | null;
  return !form || "componentId" in form ? NO_FORM : form;
}

function moved(violation: Violation): Violation[] {
  const pointer = below(violation.pointer, "/output");
  return pointer === null ? [] : [{ ...violation, pointer }];
}

function buttonStyle(action: TaskAction): string {
  if (action.style === "danger") return "btn-danger";
  return action.style === "secondary" ? "btn-quiet" : "btn-primary";
}

function DraftMark({ state, savedAt }: { state: DraftState; savedAt: string | null }) {
  const words: Record<DraftState, string> = {
    none: "",
    unsaved: "Not saved yet…",
    saving: "Saving draft…",
    saved: savedAt ? `Draft saved ${clock(savedAt).slice(0, 5)}` : "Draft saved",
    failed: "The draft could not be saved",
  };
  return (
    <span
      className={`text-xs ml-auto ${state === "failed" ? "text-error" : "text-faint"}`}
      role="status"
      title={savedAt ? absolute(savedAt) : undefined}
    >
      {words[state]}
    </span>
  );
}
