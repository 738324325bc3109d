/** What each verb has to be told. Every change is reported, so that its consequences are asked for again. */
import { MousePointerClick } from "lucide-react";
import { type ReactNode, useEffect, useId, useMemo, useState } from "react";
import { DataField } from "@/components/form/DataField";
import { api } from "@/lib/api";
import type { Instance, JsonSchema, StepDocument, WorkflowDocument } from "@/lib/documents";
import { stepsById } from "@/lib/graph";
import { positionsOf, stoppedAt } from "@/lib/steering";
import { stepName, stepType } from "@/lib/steps";
import type { FieldsProps } from "./SteerDialog";
import { useTaskSchemas } from "./useTaskSchemas";

function useSteps(instance: Instance): Map<string, StepDocument> {
  return useMemo(() => stepsById(instance.document), [instance.document]);
}

/** Reports fields whenever they are others than before. */
function useReport(change: FieldsProps["change"], fields: Record<string, unknown> | null): void {
  const text = JSON.stringify(fields);
  useEffect(() => change(JSON.parse(text) as Record<string, unknown> | null), [text, change]);
}

export function CancelFields({ instance, change }: FieldsProps) {
  const undoable = (instance.document.compensationSteps ?? []).some(
    (each) => instance.state.steps[each.compensationFor]?.status === "COMPLETED",
  );
  const [undo, setUndo] = useState(undoable);
  useReport(change, { shouldCompensate: undo });
  if (!undoable) return null;
  return <Check label="Undo what was completed" checked={undo} onChange={setUndo} />;
}

export function RetryFields({ instance, preset, change }: FieldsProps) {
  const steps = useSteps(instance);
  const stopped = stoppedAt(instance);
  const [stepId, setStepId] = useState(preset.stepId && preset.stepId !== stopped ? preset.stepId : "");
  const [version, setVersion] = useState("");
  const begins = stepId || stopped || "";
  const edit = useEdited(instance.state.steps[begins]?.input ?? {});
  const { input: schema } = useTaskSchemas(steps.get(begins));
  const versions = useVersions(instance);
  useReport(
    change,
    edit.broken
      ? null
      : {
          ...(stepId ? { stepId } : {}),
          ...(version ? { version } : {}),
          ...(edit.on ? { input: edit.value } : {}),
        },
  );
  return (
    <div className="grid gap-3">
      <div className="field-pair">
        <Choice label="Begin at" value={stepId} onChange={setStepId}>
          <option value="">Where it stopped{stopped ? `: ${nameOf(steps, stopped)}` : ""}</option>
          <StepOptions steps={steps} without={stopped} reached={instance} />
        </Choice>
        <Choice label="On version" value={version} onChange={setVersion}>
          <option value="">The same ({instance.definitionVersion})</option>
          <option value="latest">The latest{versions[0] ? ` (${versions[0]})` : ""}</option>
          {versions
            .filter((each) => each !== instance.definitionVersion)
            .map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
        </Choice>
      </div>
      <Check label="Edit the step's input" checked={edit.on} onChange={edit.turn} />
      {edit.on && <Editor key={begins} edit={edit} schema={schema} label="Edited input" prefix="retry-input" />}
    </div>
  );
}

export function SkipFields({ instance, preset, change }: FieldsProps) {
  const steps = useSteps(instance);
  const stopped = stoppedAt(instance);
  const over = instance.status === "FAILED";
  const choices = over ? (stopped ? [stopped] : []) : positionsOf(instance, steps);
  const [stepId, setStepId] = useState(preset.stepId ?? choices[0] ?? "");
  const [outcome, setOutcome] = useState("");
  const step = steps.get(stepId);
  const outcomes = outcomesOf(step);
  const edit = useEdited({});
  const { output: schema } = useTaskSchemas(step);
  useReport(
    change,
    edit.broken || !stepId
      ? null
      : { stepId, ...(outcome ? { outcome } : {}), ...(edit.on ? { output: edit.value } : {}) },
  );
  return (
    <div className="grid gap-3">
      <div className={outcomes.length > 0 ? "field-pair" : ""}>
        <Choice
          label="Step to skip"
          value={stepId}
          onChange={(id) => {
            setStepId(id);
            setOutcome("");
          }}
        >
          {choices.map((id) => (
            <option key={id} value={id}>
              {nameOf(steps, id)}
            </option>
          ))}
          {stepId && !choices.includes(stepId) && <option value={stepId}>{nameOf(steps, stepId)}</option>}
        </Choice>
        {outcomes.length > 0 && (
          <Choice label="With the outcome" value={outcome} onChange={setOutcome}>
            <option value="">None</option>
            {outcomes.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </Choice>
        )}
      </div>
      <Check label="Give it an output that later steps read" checked={edit.on} onChange={edit.turn} />
      {edit.on && <Editor key={stepId} edit={edit} schema={schema} label="Output" prefix="skip-output" />}
    </div>
  );
}

export function MoveFields({ instance, preset, change, onPick }: FieldsProps & { onPick: () => void }) {
  const steps = useSteps(instance);
  const positions = positionsOf(instance, steps);
  const [from, setFrom] = useState(preset.stepId ?? positions[0] ?? "");
  const [to, setTo] = useState(preset.to ?? "");
  const edit = useEdited(instance.state.steps[to]?.input ?? {});
  const { input: schema } = useTaskSchemas(steps.get(to));
  useReport(change, !from || !to || edit.broken ? null : { from, to, ...(edit.on ? { input: edit.value } : {}) });
  return (
    <div className="grid gap-3">
      <div className="field-pair">
        <Choice label="From" value={from} onChange={setFrom}>
          {positions.map((id) => (
            <option key={id} value={id}>
              {nameOf(steps, id)}
            </option>
          ))}
        </Choice>
        <Choice label="To" value={to} onChange={setTo}>
          <option value="">Choose a step</option>
          <StepOptions steps={steps} without={from} />
        </Choice>
      </div>
      <button type="button" className="btn btn-xs btn-ghost justify-self-start" onClick={onPick}>
        <MousePointerClick className="icon" aria-hidden /> Choose on the graph
      </button>
      {to && <Check label="Edit the input it begins with" checked={edit.on} onChange={edit.turn} />}
      {edit.on && <Editor key={to} edit={edit} schema={schema} label="Edited input" prefix="move-input" />}
    </div>
  );
}

export function SignalFields({ instance, change }: FieldsProps) {
  const awaited = instance.state.waitingFor.filter((wait) => wait.kind === "EVENT").map((wait) => wait.title ?? "");
  const [name, setName] = useState(awaited.find((each) => each && !each.includes("*")) ?? awaited[0] ?? "");
  const [payload, setPayload] = useState<unknown>({});
  const [broken, setBroken] = useState(false);
  const id = useId();
  const pattern = name.includes("*");
  useReport(change, broken || !name.trim() || pattern ? null : { name: name.trim(), payload });
  return (
    <div className="grid gap-3">
      <div className="grid gap-1">
        <label className="field-label" htmlFor={id}>
          Event
        </label>
        <input
          id={id}
          className="text-field mono"
          value={name}
          maxLength={255}
          onChange={(event) => setName(event.target.value)}
        />
        <span className="field-hint">
          {pattern ? "Replace the * with what the event is really called. " : ""}
          It waits for {awaited.join(", ") || "no event"}.
        </span>
      </div>
      <div className="grid gap-1">
        <span className="field-label">Payload</span>
        <DataField
          schema={null}
          value={payload}
          onChange={setPayload}
          onBroken={setBroken}
          idPrefix="payload"
          label="Payload as JSON"
        />
      </div>
    </div>
  );
}

export function MigrateFields({ instance, change }: FieldsProps) {
  const steps = useSteps(instance);
  const versions = useVersions(instance).filter((each) => each !== instance.definitionVersion);
  const [chosen, setVersion] = useState("");
  const version = chosen || versions[0] || "";
  const target = useDocument(instance.workflowDefinitionId, version);
  const [mapping, setMapping] = useState<Record<string, string>>({});
  const targets = useMemo(() => (target ? stepsById(target) : new Map<string, StepDocument>()), [target]);
  const positions = positionsOf(instance, steps);
  useReport(change, version ? { version, mapping } : null);
  if (versions.length === 0) return <p className="text-muted">There is no other published version to go on with.</p>;
  return (
    <div className="grid gap-3">
      <Choice label="To version" value={version} onChange={setVersion}>
        {versions.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </Choice>
      {positions.map((id) => (
        <Choice
          key={id}
          label={`${nameOf(steps, id)} becomes`}
          value={mapping[id] ?? ""}
          onChange={(to) =>
            setMapping(({ [id]: _, ...rest }) => (to ? { ...rest, [id]: to } : rest) as Record<string, string>)
          }
        >
          <option value="">{targets.has(id) ? "The step of the same name" : "— not there in that version —"}</option>
          <StepOptions steps={targets} without={id} />
        </Choice>
      ))}
    </div>
  );
}

function outcomesOf(step: StepDocument | undefined): string[] {
  if (!step) return [];
  if (stepType(step) === "DECISION") {
    return [
      ...new Set([...(step.choices ?? []).map((each) => each.nextStep), ...(step.default ? [step.default] : [])]),
    ];
  }
  return Object.keys(step.transitions ?? {}).filter((each) => each !== "default");
}

function nameOf(steps: Map<string, StepDocument>, id: string): string {
  const step = steps.get(id);
  return step ? stepName(step) : id;
}

/** Published versions, the newest first; none where the reader may not see the workflow. */
function useVersions(instance: Instance): string[] {
  const [versions, setVersions] = useState<string[]>([]);
  useEffect(() => {
    let current = true;
    const path = `workflows/definitions/${encodeURIComponent(instance.workflowDefinitionId)}/versions`;
    api.get<{ items: { version: string; status: string }[] }>(path).then(
      ({ items }) =>
        current && setVersions(items.filter((each) => each.status === "published").map((each) => each.version)),
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [instance.workflowDefinitionId]);
  return versions;
}

function useDocument(workflowId: string, version: string): WorkflowDocument | null {
  const [document, setDocument] = useState<WorkflowDocument | null>(null);
  useEffect(() => {
    setDocument(null);
    if (!version) return;
    let current = true;
    api
      .get<{ document: WorkflowDocument }>(
        `workflows/definitions/${encodeURIComponent(workflowId)}/versions/${encodeURIComponent(version)}`,
      )
      .then(
        (answer) => current && setDocument(answer.document),
        () => undefined,
      );
    return () => {
      current = false;
    };
  }, [workflowId, version]);
  return document;
}

interface Edited {
  on: boolean;
  value: unknown;
  broken: boolean;
  turn: (on: boolean) => void;
  setValue: (value: unknown) => void;
  setBroken: (broken: boolean) => void;
}

/** Data that may be edited: untouched it is what it was. */
function useEdited(original: unknown): Edited {
  const [on, turn] = useState(false);
  const [value, setValue] = useState<unknown>(undefined);
  const [isBroken, setBroken] = useState(false);
  return {
    on,
    value: value === undefined ? original : value,
    broken: on && isBroken,
    turn: (next) => {
      turn(next);
      setValue(undefined);
      setBroken(false);
    },
    setValue,
    setBroken,
  };
}

function Editor({
  edit,
  schema,
  label,
  prefix,
}: {
  edit: Edited;
  schema: JsonSchema | null;
  label: string;
  prefix: string;
}) {
  return (
    <div className="nested-form">
      <DataField
        schema={schema}
        value={edit.value}
        onChange={edit.setValue}
        onBroken={edit.setBroken}
        idPrefix={prefix}
        label={`${label} as JSON`}
      />
    </div>
  );
}

function StepOptions({
  steps,
  without,
  reached,
}: {
  steps: Map<string, StepDocument>;
  without: string | null;
  /** Only those that this run has been at. */
  reached?: Instance;
}) {
  return [...steps.values()]
    .filter((step) => step.stepId !== without && (!reached || reached.state.steps[step.stepId]))
    .map((step) => (
      <option key={step.stepId} value={step.stepId}>
        {stepName(step)}
      </option>
    ));
}

function Choice({
  label,
  value,
  onChange,
  children,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  children: ReactNode;
}) {
  return (
    <label className="grid gap-1 min-w-0">
      <span className="field-label">{label}</span>
      <select className="form-control" value={value} onChange={(event) => onChange(event.target.value)}>
        {children}
      </select>
    </label>
  );
}

function Check({
  label,
  checked,
  onChange,
}: {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}) {
  return (
    <label className="choice">
      <input
        type="checkbox"
        className="checkbox checkbox-sm checkbox-primary"
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
      />
      <span>{label}</span>
    </label>
  );
}
