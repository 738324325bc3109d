/** Makes or changes a schedule: which workflow, when, with which input. The rule is previewed while it is written. */
import { type FormEvent, useEffect, useMemo, useRef, useState } from "react";
import { SchemaForm, type SchemaFormHandle } from "@/components/form/SchemaForm";
import { SaveBar } from "@/components/ui/SaveBar";
import { ApiProblem, api, idempotencyKey, messageOf } from "@/lib/api";
import type { JsonSchema, Violation } from "@/lib/documents";
import { below } from "@/lib/pointer";
import { JsonEditor } from "@/components/form/JsonEditor";
import { Choice, Duration, Field } from "./fields";
import { Preview, useAhead } from "./Preview";
import { PRESETS, fromLocalField, hasExpression, readDuration, toLocalField } from "./rule";

export interface ScheduleDocument {
  scheduleId?: string;
  workflowId?: string;
  name?: string;
  description?: string;
  cron?: string;
  interval?: string;
  timezone?: string;
  startAt?: string;
  endAt?: string;
  input?: unknown;
  overlap?: string;
  catchUp?: string;
  jitter?: string;
  enabled?: boolean;
  [other: string]: unknown;
}

export interface ScheduleProps {
  /** The saved document; null for a new schedule. */
  document: ScheduleDocument | null;
  revision: number;
  /** What a new schedule starts, when that was chosen before. */
  workflowId: string;
  workflows: { id: string; name: string; version: string }[];
}

const ANYTHING: JsonSchema = {};
const OVERLAP = {
  SKIP: "Skip this fire",
  QUEUE: "Wait for it to end",
  ALLOW: "Run both",
  CANCEL_RUNNING: "Cancel the last run",
};
const CATCH_UP = { NONE: "Leave them", LAST: "Run the latest once", ALL: "Run every one (100 at most)" };

export default function ScheduleIsland({ document: saved, revision, workflowId, workflows }: ScheduleProps) {
  const first = saved ?? { workflowId, cron: "0 9 * * 1-5", timezone: ownZone() };
  const [document, setDocument] = useState<ScheduleDocument>(first);
  const [schema, setSchema] = useState<JsonSchema | null>(null);
  const [asJson, setAsJson] = useState(hasExpression(first.input));
  const [broken, setBroken] = useState(false);
  const [violations, setViolations] = useState<Violation[]>([]);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const form = useRef<SchemaFormHandle>(null);
  const ahead = useAhead(document);

  const change = (part: ScheduleDocument) =>
    setDocument((now) =>
      Object.fromEntries(Object.entries({ ...now, ...part }).filter(([, each]) => each !== undefined)),
    );

  useEffect(() => {
    let current = true;
    setSchema(null);
    const chosen = workflows.find((each) => each.id === document.workflowId);
    if (!chosen) return;
    const path = `workflows/definitions/${encodeURIComponent(chosen.id)}/versions/${encodeURIComponent(chosen.version)}`;
    api
      .get<{ document: { inputSchema?: JsonSchema } }>(path)
      .then((found) => current && setSchema(found.document.inputSchema ?? { type: "object" }))
      .catch(() => current && setSchema(ANYTHING));
    return () => {
      current = false;
    };
  }, [document.workflowId, workflows]);

  const save = async (event: FormEvent) => {
    event.preventDefault();
    let body = document;
    if (!document.workflowId) {
      setFailure("Choose what it starts.");
      return;
    }
    if (!asJson && schema && hasFields(schema)) {
      const checked = form.current?.submit();
      if (!checked?.valid) return;
      body = { ...document, input: checked.data };
    }
    setBusy(true);
    setFailure("");
    setViolations([]);
    try {
      const path = "workflows/schedules";
      const key = { "Idempotency-Key": idempotencyKey() };
      const done = saved
        ? await api.put<{ scheduleId: string }>(`${path}/${encodeURIComponent(saved.scheduleId ?? "")}`, body, {
            ...key,
            "If-Match": `"${revision}"`,
          })
        : await api.post<{ scheduleId: string }>(path, body, key);
      location.assign(`/schedules/${encodeURIComponent(done.scheduleId)}`);
    } catch (error) {
      if (error instanceof ApiProblem) setViolations(error.violations);
      setFailure(messageOf(error));
      setBusy(false);
    }
  };

  const rule = useMemo(
    () =>
      (violations.length > 0 ? violations : (ahead?.violations ?? [])).filter(
        // Nobody is told that the workflow is missing before it could be chosen.
        (each) => each.severity === "error" && (document.workflowId || each.pointer !== "/workflowId"),
      ),
    [violations, ahead, document.workflowId],
  );
  const at = (name: string) => rule.find((each) => below(each.pointer, `/${name}`) !== null);
  const interval = document.interval === undefined ? null : readDuration(document.interval);
  const jitter = document.jitter === undefined ? null : readDuration(document.jitter);

  return (
    <form className="flex flex-col min-h-0 flex-1" onSubmit={save} noValidate>
      <div className="flex-1 min-h-0 overflow-y-auto p-5 grid gap-5 content-start">
        <Field label="Starts" problem={at("workflowId")}>
          <select
            className="select w-full"
            value={document.workflowId ?? ""}
            onChange={(event) => change({ workflowId: event.target.value || undefined, input: undefined })}
          >
            <option value="">Choose a workflow</option>
            {workflows.map((each) => (
              <option key={each.id} value={each.id}>
                {each.name}
              </option>
            ))}
          </select>
        </Field>
        <Field label="Name" optional>
          <input
            className="text-field"
            value={document.name ?? ""}
            maxLength={200}
            onChange={(event) => change({ name: event.target.value || undefined })}
          />
        </Field>

        <fieldset className="grid gap-3">
          <legend className="field-label mb-2">When</legend>
          <div className="theme-switch w-fit" role="group" aria-label="Kind of rule">
            <button
              type="button"
              className="px-2! w-auto! text-xs"
              aria-pressed={document.interval === undefined}
              onClick={() => change({ cron: document.cron ?? "0 9 * * 1-5", interval: undefined })}
            >
              At set times
            </button>
            <button
              type="button"
              className="px-2! w-auto! text-xs"
              aria-pressed={document.interval !== undefined}
              onClick={() => change({ interval: document.interval ?? "PT1H", cron: undefined })}
            >
              Every so often
            </button>
          </div>
          {document.interval === undefined ? (
            <>
              <div className="flex flex-wrap gap-2">
                {PRESETS.map((each) => (
                  <button
                    key={each.cron}
                    type="button"
                    className="choice-chip"
                    aria-pressed={document.cron === each.cron}
                    onClick={() => change({ cron: each.cron })}
                  >
                    {each.label}
                  </button>
                ))}
              </div>
              <Field label="Cron line" hint="Minute, hour, day of month, month, day of week." problem={at("cron")}>
                <input
                  className="text-field mono"
                  value={document.cron ?? ""}
                  spellCheck={false}
                  autoComplete="off"
                  onChange={(event) => change({ cron: event.target.value })}
                />
              </Field>
              <Field label="Time zone" problem={at("timezone")}>
                <input
                  className="text-field"
                  list="time-zones"
                  value={document.timezone ?? ""}
                  placeholder="UTC"
                  autoComplete="off"
                  onChange={(event) => change({ timezone: event.target.value || undefined })}
                />
              </Field>
              <datalist id="time-zones">
                {zones().map((each) => (
                  <option key={each} value={each} />
                ))}
              </datalist>
            </>
          ) : (
            <Field label="Every" problem={at("interval")}>
              <Duration
                name="Every"
                value={interval ?? { count: 1, unit: "H" }}
                onChange={(text) => change({ interval: text })}
              />
            </Field>
          )}
          <Preview ahead={ahead} />
        </fieldset>

        <fieldset className="grid gap-3 sm:grid-cols-2">
          <legend className="field-label mb-2">And when …</legend>
          <Field label="… the last run is still going">
            <Choice value={document.overlap ?? "SKIP"} options={OVERLAP} onChange={(overlap) => change({ overlap })} />
          </Field>
          <Field label="… fires were missed">
            <Choice value={document.catchUp ?? "LAST"} options={CATCH_UP} onChange={(catchUp) => change({ catchUp })} />
          </Field>
        </fieldset>

        {document.workflowId && schema && (
          <fieldset className="grid gap-3">
            <legend className="field-label mb-2">Input of the runs</legend>
            <div className="theme-switch w-fit" role="group" aria-label="How to fill in the input">
              <button
                type="button"
                className="px-2! w-auto! text-xs"
                aria-pressed={!asJson}
                disabled={broken || hasExpression(document.input)}
                onClick={() => setAsJson(false)}
              >
                Form
              </button>
              <button
                type="button"
                className="px-2! w-auto! text-xs"
                aria-pressed={asJson}
                onClick={() => setAsJson(true)}
              >
                JSON
              </button>
            </div>
            {asJson ? (
              <>
                <JsonEditor
                  key={document.workflowId}
                  value={document.input ?? {}}
                  schema={ANYTHING}
                  onChange={(input) => change({ input })}
                  onBroken={setBroken}
                  serverViolations={inside(rule)}
                />
                <p className="field-hint">
                  May read the fire: <code>{"${event.timestamp}"}</code>, <code>{"${event.payload.scheduleId}"}</code>.
                </p>
              </>
            ) : hasFields(schema) ? (
              <SchemaForm
                key={document.workflowId}
                ref={form}
                schema={schema}
                value={document.input ?? {}}
                onChange={(input) => change({ input })}
                serverViolations={inside(violations)}
                disabled={busy}
                idPrefix="schedule"
              />
            ) : (
              <p className="text-muted">This workflow asks for no input.</p>
            )}
          </fieldset>
        )}

        <details>
          <summary className="text-muted text-xs cursor-pointer">More</summary>
          <div className="grid gap-3 mt-3 sm:grid-cols-2">
            <Field label="Not before" optional problem={at("startAt")}>
              <input
                type="datetime-local"
                className="text-field"
                value={toLocalField(document.startAt)}
                onChange={(event) => change({ startAt: fromLocalField(event.target.value) })}
              />
            </Field>
            <Field label="Not after" optional problem={at("endAt")}>
              <input
                type="datetime-local"
                className="text-field"
                value={toLocalField(document.endAt)}
                onChange={(event) => change({ endAt: fromLocalField(event.target.value) })}
              />
            </Field>
            <Field label="Spread fires over" optional hint="Each is later by a share of this." problem={at("jitter")}>
              <Duration
                name="Spread"
                value={jitter ?? { count: 0, unit: "S" }}
                onChange={(text, count) => change({ jitter: count > 0 ? text : undefined })}
              />
            </Field>
          </div>
        </details>
      </div>
      <SaveBar
        failure={failure}
        violations={violations}
        noun="schedule"
        isNew={!saved}
        enabled={document.enabled ?? true}
        busy={busy}
        broken={broken}
        onEnable={(enabled) => change({ enabled })}
      />
    </form>
  );
}

function inside(violations: Violation[]): Violation[] {
  return violations.flatMap((each) => {
    const pointer = below(each.pointer, "/input");
    return pointer === null ? [] : [{ ...each, pointer }];
  });
}

function hasFields(schema: JsonSchema): boolean {
  return Object.keys((schema.properties as object | undefined) ?? {}).length > 0;
}

function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

function zones(): string[] {
  return typeof Intl.supportedValuesOf === "function" ? ["UTC", ...Intl.supportedValuesOf("timeZone")] : ["UTC"];
}
