/** Makes or changes an event trigger: which event, what it does, with which input. Tried on an event while it is written. */
import { type FormEvent, useEffect, useMemo, useState } from "react";
import { JsonEditor } from "@/components/form/JsonEditor";
import { SaveBar } from "@/components/ui/SaveBar";
import { ApiProblem, api, idempotencyKey, messageOf } from "@/lib/api";
import type { JsonSchema, Violation } from "@/lib/documents";
import { below } from "@/lib/pointer";
import { Field } from "../schedule/fields";
import { InputRows, isMissing } from "./InputRows";
import { fieldsOf, type Mode, modeOf } from "./mapping";
import { namesOf, pathsOf, type SampleProps, samplesOf } from "./samples";
import { VerdictCard } from "./Verdicts";
import { useVerdicts } from "./verdict";

export interface TriggerDocument {
  triggerId?: string;
  workflowId?: string;
  name?: string;
  description?: string;
  eventPattern?: string;
  triggerType?: string;
  eventCondition?: string | null;
  inputMapping?: unknown;
  correlationKey?: string | null;
  priority?: number;
  enabled?: boolean;
  [other: string]: unknown;
}

export interface TriggerProps extends SampleProps {
  /** The saved document; null for a new trigger. */
  document: TriggerDocument | null;
  revision: number;
  /** What a new trigger starts, when that was chosen before. */
  workflowId: string;
  workflows: { id: string; name: string; version: string }[];
}

const ANYTHING: JsonSchema = {};
const MODES: Record<Mode, string> = { payload: "The payload as it is", fields: "Field by field", json: "JSON" };

export default function TriggerIsland(props: TriggerProps) {
  const { document: saved, revision, workflowId, workflows } = props;
  const [document, setDocument] = useState<TriggerDocument>(
    saved ?? { eventPattern: "", triggerType: "START", ...(workflowId ? { workflowId } : {}) },
  );
  const [schema, setSchema] = useState<JsonSchema | null>(null);
  const [mode, setMode] = useState<Mode | null>(saved?.inputMapping ? null : "payload");
  const [broken, setBroken] = useState(false);
  const [violations, setViolations] = useState<Violation[]>([]);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const [chosen, setChosen] = useState(0);

  const change = (part: TriggerDocument) => {
    setViolations([]);
    setDocument((now) =>
      Object.fromEntries(
        Object.entries({ ...now, ...part }).filter(([, each]) => each !== undefined && each !== null && each !== ""),
      ),
    );
  };

  useEffect(() => {
    let current = true;
    setSchema(null);
    const found = workflows.find((each) => each.id === document.workflowId);
    if (!found) return;
    const path = `workflows/definitions/${encodeURIComponent(found.id)}/versions/${encodeURIComponent(found.version)}`;
    api
      .get<{ document: { inputSchema?: JsonSchema } }>(path)
      .then((answer) => current && setSchema(answer.document.inputSchema ?? ANYTHING))
      .catch(() => current && setSchema(ANYTHING));
    return () => {
      current = false;
    };
  }, [document.workflowId, workflows]);

  const pattern = document.eventPattern ?? "";
  const cancels = document.triggerType === "CANCEL";
  const samples = useMemo(() => (pattern ? samplesOf(props, pattern) : []), [props, pattern]);
  const sample = samples[Math.min(chosen, samples.length - 1)];
  // Without an event of that name at hand, any will do to say what is wrong with the trigger itself.
  const tried = pattern && document.workflowId ? (sample?.event ?? { pattern: anyOf(pattern), payload: {} }) : null;
  const { answer, failure: refused } = useVerdicts(tried, document);
  const verdict = answer?.verdicts.find((each) => each.unsaved);
  const problems = violations.length > 0 ? violations : (verdict?.violations ?? []);
  const all = (name: string) => problems.filter((each) => below(each.pointer, `/${name}`) !== null);
  /** What a field says below it: its error, else its warning in place of the hint. */
  const said = (name: string, hint = "") => {
    const problem = all(name).find((each) => each.severity === "error");
    const warning = all(name)[0];
    return { problem, hint: warning ? `${warning.message} ${warning.hint ?? ""}` : hint };
  };
  const fields = useMemo(() => fieldsOf(schema), [schema]);
  const shownMode = mode ?? (schema === null ? "json" : modeOf(document.inputMapping, fields));
  const mapping = (document.inputMapping ?? {}) as Record<string, unknown>;
  const paths = useMemo(() => pathsOf(sample?.event.payload ?? {}).slice(0, 100), [sample]);
  const elsewhere = problems.filter(
    (each) => !SHOWN.some((name) => below(each.pointer, `/${name}`) !== null) && each.pointer !== "/inputMapping",
  );

  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (!pattern || !document.workflowId) {
      setFailure(pattern ? "Choose a workflow." : "Say which event it waits for.");
      return;
    }
    setBusy(true);
    setFailure("");
    try {
      const path = "workflows/triggers";
      const key = { "Idempotency-Key": idempotencyKey() };
      const done = saved
        ? await api.put<{ triggerId: string }>(`${path}/${encodeURIComponent(saved.triggerId ?? "")}`, document, {
            ...key,
            "If-Match": `"${revision}"`,
          })
        : await api.post<{ triggerId: string }>(path, document, key);
      location.assign(`/events/triggers/${encodeURIComponent(done.triggerId)}`);
    } catch (error) {
      if (error instanceof ApiProblem) setViolations(error.violations);
      setFailure(messageOf(error));
      setBusy(false);
    }
  };

  return (
    <form className="flex flex-col min-h-0 flex-1" onSubmit={save} noValidate>
      <div className="flex-1 min-h-0 overflow-y-auto p-5 grid gap-5 content-start">
        <Field
          label="When this event comes"
          {...said("eventPattern", "* stands for one word, ** for any number: orders.*, **.failed")}
        >
          <input
            className="text-field mono"
            list="event-names"
            value={pattern}
            spellCheck={false}
            autoComplete="off"
            placeholder="orders.placed"
            onChange={(event) => change({ eventPattern: event.target.value.trim() })}
          />
        </Field>
        <datalist id="event-names">
          {namesOf(props).map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
        <fieldset className="grid gap-3">
          <legend className="field-label mb-2">Then it</legend>
          <div className="theme-switch w-fit" role="group" aria-label="What it does">
            {["START", "CANCEL"].map((each) => (
              <button
                key={each}
                type="button"
                className="px-2! w-auto! text-xs"
                aria-pressed={cancels === (each === "CANCEL")}
                onClick={() => change({ triggerType: each, ...(each === "CANCEL" ? { inputMapping: undefined } : {}) })}
              >
                {each === "START" ? "Starts a run of" : "Cancels the runs of"}
              </button>
            ))}
          </div>
          <Field label="Workflow" {...(all("triggerType").length > 0 ? said("triggerType") : said("workflowId"))}>
            <select
              className="select w-full pr-8! text-ellipsis"
              value={document.workflowId ?? ""}
              onChange={(event) => {
                change({ workflowId: event.target.value, inputMapping: undefined });
                setMode("payload");
              }}
            >
              <option value="">Choose a workflow</option>
              {workflows.map((each) => (
                <option key={each.id} value={each.id}>
                  {each.name}
                </option>
              ))}
            </select>
          </Field>
        </fieldset>
        <Field
          label="Only if"
          optional
          {...said("eventCondition", "An expression over the event, such as event.payload.total > 100")}
        >
          <textarea
            className="text-field mono text-xs"
            rows={2}
            spellCheck={false}
            value={document.eventCondition ?? ""}
            onChange={(event) => change({ eventCondition: event.target.value })}
          />
        </Field>
        <Field
          label="Business case"
          optional={!cancels}
          {...said(
            "correlationKey",
            cancels
              ? "Only runs whose correlation id is this are cancelled, such as event.payload.orderId"
              : "A case whose run is under way is not started again, such as event.payload.orderId",
          )}
        >
          <input
            className="text-field mono text-xs"
            list="event-paths"
            spellCheck={false}
            autoComplete="off"
            value={document.correlationKey ?? ""}
            onChange={(event) => change({ correlationKey: event.target.value })}
          />
        </Field>
        <datalist id="event-paths">
          {paths.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>

        {!cancels && document.workflowId && schema && (
          <fieldset className="grid gap-3">
            <legend className="field-label mb-2">Input of the run</legend>
            <div className="theme-switch w-fit" role="group" aria-label="How the input is made">
              {(Object.keys(MODES) as Mode[])
                .filter((each) => each !== "fields" || fields.length > 0)
                .map((each) => (
                  <button
                    key={each}
                    type="button"
                    className="px-2! w-auto! text-xs"
                    aria-pressed={shownMode === each}
                    disabled={broken || (each === "fields" && modeOf(document.inputMapping, fields) === "json")}
                    onClick={() => {
                      setMode(each);
                      if (each === "payload") change({ inputMapping: undefined });
                      else change({ inputMapping: document.inputMapping ?? {} });
                    }}
                  >
                    {MODES[each]}
                  </button>
                ))}
            </div>
            {shownMode === "fields" && (
              <InputRows
                fields={fields}
                mapping={mapping}
                payload={sample?.event.payload}
                paths={paths}
                problems={problems}
                onChange={(inputMapping) => change({ inputMapping })}
              />
            )}
            {shownMode === "json" && (
              <JsonEditor
                key={document.workflowId}
                value={document.inputMapping ?? {}}
                schema={ANYTHING}
                onChange={(inputMapping) => change({ inputMapping })}
                onBroken={setBroken}
                serverViolations={problems.filter((each) => below(each.pointer, "/inputMapping"))}
              />
            )}
            {problems
              .filter((each) => each.pointer === "/inputMapping" || (each.pointer === "" && shownMode === "payload"))
              .filter((each) => shownMode !== "fields" || !fields.some((field) => isMissing(each, field.name)))
              .map((each) => (
                <p key={each.code + each.message} className={each.severity === "error" ? "field-error" : "field-hint"}>
                  {each.message} {each.hint}
                </p>
              ))}
          </fieldset>
        )}

        {pattern && document.workflowId && (
          <section className="panel" aria-label="What it would do" aria-live="polite">
            <div className="panel-body grid gap-3">
              {samples.length > 0 ? (
                <>
                  <label className="grid gap-1">
                    <span className="field-label">Tried on</span>
                    <select
                      className="select w-full pr-8! text-ellipsis"
                      value={Math.min(chosen, samples.length - 1)}
                      onChange={(event) => setChosen(Number(event.target.value))}
                    >
                      {samples.map((each, index) => (
                        <option key={`${index}${each.label}`} value={index}>
                          {each.label}
                        </option>
                      ))}
                    </select>
                  </label>
                  {verdict && <VerdictCard verdict={verdict} bare />}
                </>
              ) : (
                <p className="text-muted">No event of that name is at hand to try it on.</p>
              )}
              {refused && <p className="field-error">{refused}</p>}
            </div>
          </section>
        )}

        <details>
          <summary className="text-muted text-xs cursor-pointer">More</summary>
          <div className="grid gap-3 mt-3 sm:grid-cols-2">
            <Field label="Name" optional {...said("name")}>
              <input
                className="text-field"
                value={document.name ?? ""}
                maxLength={200}
                onChange={(event) => change({ name: event.target.value })}
              />
            </Field>
            <Field label="Priority" {...said("priority", "Lower ones come first.")}>
              <input
                type="number"
                className="text-field"
                value={document.priority ?? 100}
                onChange={(event) => change({ priority: Math.trunc(Number(event.target.value)) })}
              />
            </Field>
          </div>
        </details>
      </div>
      <SaveBar
        failure={failure}
        violations={elsewhere}
        noun="trigger"
        isNew={!saved}
        enabled={document.enabled ?? true}
        busy={busy}
        broken={broken}
        onEnable={(enabled) => change({ enabled })}
      />
    </form>
  );
}

const SHOWN = [
  "eventPattern",
  "workflowId",
  "triggerType",
  "eventCondition",
  "correlationKey",
  "inputMapping",
  "name",
  "priority",
];

/** A name that a pattern asks for. */
export function anyOf(pattern: string): string {
  return pattern.replaceAll(/\*+/g, "any");
}
