/** Makes or changes a webhook: its address, what proves the sender, the event, the workflow that it starts. */
import { type FormEvent, useState } from "react";
import { JsonEditor } from "@/components/form/JsonEditor";
import { SaveBar } from "@/components/ui/SaveBar";
import { ApiProblem, api, idempotencyKey, messageOf } from "@/lib/api";
import type { JsonSchema, Violation } from "@/lib/documents";
import { below } from "@/lib/pointer";
import { Choice, Field } from "../schedule/fields";
import { SecretField, type Secrets } from "./SecretField";
import {
  asSent,
  CONTENTS,
  isSent,
  KINDS,
  listed,
  SENDERS,
  tidy,
  type WebhookAuth,
  type WebhookDocument,
} from "./senders";

export interface WebhookProps {
  /** The saved document; null for a new webhook. */
  document: WebhookDocument | null;
  revision: number;
  secrets: Secrets;
  /** What addresses begin with. */
  base: string;
  workflows: { id: string; name: string }[];
}

const ANYTHING: JsonSchema = {};

export default function WebhookIsland({ document: saved, revision, secrets, base, workflows }: WebhookProps) {
  const [document, setDocument] = useState<WebhookDocument>(saved ?? { auth: SENDERS[0]!.document.auth });
  const [whole, setWhole] = useState(false);
  const [mapped, setMapped] = useState(saved?.payloadMapping !== undefined);
  const [fed, setFed] = useState(saved?.inputMapping !== undefined);
  const [broken, setBroken] = useState(false);
  const [violations, setViolations] = useState<Violation[]>([]);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);

  const change = (part: Partial<WebhookDocument>) => setDocument((now) => tidy({ ...now, ...part }));
  const prove = (part: Partial<WebhookAuth>) => change({ auth: tidy({ ...document.auth, ...part }) });
  const at = (name: string) =>
    violations.find((each) => each.severity === "error" && below(each.pointer, `/${name}`) !== null);

  const save = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailure("");
    setViolations([]);
    try {
      const key = { "Idempotency-Key": idempotencyKey() };
      const done = saved
        ? await api.put<{ webhookId: string }>(`webhooks/${encodeURIComponent(saved.webhookId ?? "")}`, document, {
            ...key,
            "If-Match": `"${revision}"`,
          })
        : await api.post<{ webhookId: string }>("webhooks", document, key);
      location.assign(`/events/webhooks/in/${encodeURIComponent(done.webhookId)}`);
    } catch (error) {
      if (error instanceof ApiProblem) setViolations(error.violations);
      setFailure(messageOf(error));
      setBusy(false);
    }
  };

  return (
    <form className="flex flex-col min-h-0 flex-1" onSubmit={save} noValidate>
      <div className="flex-1 min-h-0 overflow-y-auto p-5 grid gap-5 content-start">
        <div className="theme-switch w-fit" role="group" aria-label="How to write it">
          <button
            type="button"
            className="px-2! w-auto! text-xs"
            aria-pressed={!whole}
            disabled={broken}
            onClick={() => setWhole(false)}
          >
            Form
          </button>
          <button
            type="button"
            className="px-2! w-auto! text-xs"
            aria-pressed={whole}
            disabled={broken}
            onClick={() => setWhole(true)}
          >
            JSON
          </button>
        </div>
        {whole ? (
          <JsonEditor
            value={document}
            schema={ANYTHING}
            label="The document as JSON"
            onChange={(value) => isDocument(value) && setDocument(value)}
            onBroken={setBroken}
            serverViolations={violations}
          />
        ) : (
          <>
            <Field label="Name" optional problem={at("name")}>
              <input
                className="text-field"
                value={document.name ?? ""}
                maxLength={200}
                placeholder="Orders of the shop"
                onChange={(event) => change({ name: event.target.value })}
              />
            </Field>
            <Field label="Path" hint={`Its address is ${base}${document.path || "…"}`} problem={at("path")}>
              <input
                className="text-field mono"
                value={document.path ?? ""}
                placeholder="orders/new"
                spellCheck={false}
                autoComplete="off"
                maxLength={200}
                onChange={(event) => change({ path: event.target.value.trim().toLowerCase() })}
              />
            </Field>

            <fieldset className="grid gap-3">
              <legend className="field-label mb-2">Who calls</legend>
              <div className="flex flex-wrap gap-2">
                {SENDERS.map((sender) => (
                  <button
                    key={sender.name}
                    type="button"
                    className="choice-chip"
                    aria-pressed={isSent(document, sender)}
                    onClick={() => setDocument(asSent(document, sender))}
                  >
                    {sender.name}
                  </button>
                ))}
              </div>
              <Field label="What proves it" problem={at("auth/kind")}>
                <Choice
                  value={document.auth.kind}
                  options={KINDS}
                  onChange={(kind) => change({ auth: proofOf(kind as WebhookAuth["kind"], document.auth) })}
                />
              </Field>
              {document.auth.kind === "none" ? (
                <p className="notice notice-warning">
                  Anybody who knows the address can record events, and start the workflow.
                </p>
              ) : (
                <SecretField
                  label={SECRET_LABELS[document.auth.kind]}
                  value={document.auth.secretName}
                  secrets={secrets}
                  suggested={document.name || document.path || "webhook"}
                  problem={at("auth/secretName")}
                  onChange={(secretName) => prove({ secretName })}
                />
              )}
              {document.auth.kind === "basic" && (
                <Field label="User name" problem={at("auth/username")}>
                  <input
                    className="text-field"
                    value={document.auth.username ?? ""}
                    autoComplete="off"
                    onChange={(event) => prove({ username: event.target.value })}
                  />
                </Field>
              )}
              {document.auth.kind === "token" && (
                <Field
                  label="Header"
                  hint="Default: Authorization, with or without Bearer."
                  problem={at("auth/header")}
                >
                  <HeaderName value={document.auth.header} onChange={(header) => prove({ header })} />
                </Field>
              )}
              {document.auth.kind === "hmac" && (
                <div className="grid gap-3 sm:grid-cols-2">
                  <Field label="Header of the signature" problem={at("auth/header")}>
                    <HeaderName
                      value={document.auth.header}
                      placeholder="X-Signature"
                      onChange={(header) => prove({ header })}
                    />
                  </Field>
                  <Field label="Header of the time" optional problem={at("auth/timestampHeader")}>
                    <HeaderName
                      value={document.auth.timestampHeader}
                      onChange={(timestampHeader) => prove({ timestampHeader })}
                    />
                  </Field>
                  <Field label="Signed is" problem={at("auth/signedContent")}>
                    <Choice
                      value={document.auth.signedContent ?? (document.auth.timestampHeader ? "timestamp.body" : "body")}
                      options={CONTENTS}
                      onChange={(signedContent) => prove({ signedContent })}
                    />
                  </Field>
                  <Field label="Algorithm">
                    <Choice
                      value={document.auth.algorithm ?? "sha256"}
                      options={{ sha256: "SHA-256", sha512: "SHA-512" }}
                      onChange={(algorithm) => prove({ algorithm: algorithm === "sha256" ? undefined : algorithm })}
                    />
                  </Field>
                </div>
              )}
            </fieldset>

            <fieldset className="grid gap-3">
              <legend className="field-label mb-2">What becomes of a call</legend>
              <Field
                label="Event"
                optional
                hint={`Default: webhooks.${(document.path || "…").replaceAll("/", ".")}`}
                problem={at("eventPattern")}
              >
                <input
                  className="text-field mono"
                  value={document.eventPattern ?? ""}
                  placeholder="shop.order-placed"
                  spellCheck={false}
                  autoComplete="off"
                  onChange={(event) => change({ eventPattern: event.target.value })}
                />
              </Field>
              {(workflows.length > 0 || document.workflowId) && (
                <Field label="Starts" optional problem={at("workflowId")}>
                  <select
                    className="select w-full"
                    value={document.workflowId ?? ""}
                    onChange={(event) => change({ workflowId: event.target.value })}
                  >
                    <option value="">Nothing; the event is recorded</option>
                    {workflows.map((each) => (
                      <option key={each.id} value={each.id}>
                        {each.name}
                      </option>
                    ))}
                  </select>
                </Field>
              )}
              <Toggle
                label="Map the body to another payload"
                on={mapped}
                onChange={(on) => {
                  setMapped(on);
                  change({ payloadMapping: on ? (document.payloadMapping ?? {}) : undefined });
                }}
              />
              {mapped && (
                <JsonEditor
                  value={document.payloadMapping ?? {}}
                  schema={ANYTHING}
                  label="The payload"
                  onChange={(payloadMapping) => change({ payloadMapping })}
                  onBroken={setBroken}
                  serverViolations={inside(violations, "/payloadMapping")}
                />
              )}
              {document.workflowId && (
                <Toggle
                  label="Map the payload to the workflow’s input"
                  on={fed}
                  onChange={(on) => {
                    setFed(on);
                    change({ inputMapping: on ? (document.inputMapping ?? {}) : undefined });
                  }}
                />
              )}
              {document.workflowId && fed && (
                <JsonEditor
                  value={document.inputMapping ?? {}}
                  schema={ANYTHING}
                  label="The input"
                  onChange={(inputMapping) => change({ inputMapping })}
                  onBroken={setBroken}
                  serverViolations={inside(violations, "/inputMapping")}
                />
              )}
              {(mapped || fed) && (
                <p className="field-hint">
                  May read <code>{"${event.payload.…}"}</code> and <code>{"${event.metadata.headers['x-name']}"}</code>.
                </p>
              )}
            </fieldset>

            <details
              open={at("eventIdFrom") || at("headers") || at("contentTypes") || at("respond") ? true : undefined}
            >
              <summary className="text-muted text-xs cursor-pointer">More</summary>
              <div className="grid gap-3 mt-3">
                <Field
                  label="Id of a delivery"
                  optional
                  hint="An expression, so that a repeat is recognised. Default: a digest of the body."
                  problem={at("eventIdFrom")}
                >
                  <input
                    className="text-field mono"
                    value={document.eventIdFrom ?? ""}
                    placeholder="event.payload.id"
                    spellCheck={false}
                    autoComplete="off"
                    onChange={(event) => change({ eventIdFrom: event.target.value })}
                  />
                </Field>
                <Field label="Headers to keep" optional problem={at("headers")}>
                  <Names value={document.headers} onChange={(headers) => change({ headers })} />
                </Field>
                <Field label="Content types" optional hint="Default: all." problem={at("contentTypes")}>
                  <Names
                    value={document.contentTypes}
                    placeholder="application/json"
                    onChange={(contentTypes) => change({ contentTypes })}
                  />
                </Field>
                <Field label="Answer" hint="The status that the sender gets." problem={at("respond")}>
                  <Choice
                    value={String(document.respond?.status ?? 202)}
                    options={{ "200": "200 OK", "201": "201 Created", "202": "202 Accepted", "204": "204 No Content" }}
                    onChange={(status) => change({ respond: { ...document.respond, status: Number(status) } })}
                  />
                </Field>
              </div>
            </details>
          </>
        )}
      </div>
      <SaveBar
        failure={failure}
        violations={violations}
        noun="webhook"
        isNew={!saved}
        enabled={document.enabled ?? true}
        busy={busy}
        broken={broken}
        onEnable={(enabled) => change({ enabled })}
      />
    </form>
  );
}

const SECRET_LABELS = { hmac: "Signing key", token: "Token", basic: "Password" };

/** Another proof keeps the secret, and nothing that only the last one had. */
export function proofOf(kind: WebhookAuth["kind"], auth: WebhookAuth): WebhookAuth {
  if (kind === "none") return { kind };
  return tidy({ kind, secretName: auth.secretName, ...(kind === "hmac" ? { header: "X-Signature" } : {}) });
}

function HeaderName(props: {
  value: string | undefined;
  placeholder?: string;
  onChange: (name: string | undefined) => void;
}) {
  return (
    <input
      className="text-field mono"
      value={props.value ?? ""}
      placeholder={props.placeholder}
      spellCheck={false}
      autoComplete="off"
      maxLength={64}
      onChange={(event) => props.onChange(event.target.value.trim() || undefined)}
    />
  );
}

function Names(props: {
  value: string[] | undefined;
  placeholder?: string;
  onChange: (names: string[] | undefined) => void;
}) {
  const [text, setText] = useState((props.value ?? []).join(", "));
  return (
    <input
      className="text-field mono"
      value={text}
      placeholder={props.placeholder}
      spellCheck={false}
      autoComplete="off"
      onChange={(event) => {
        setText(event.target.value);
        props.onChange(listed(event.target.value));
      }}
    />
  );
}

function Toggle({ label, on, onChange }: { label: string; on: boolean; onChange: (on: boolean) => void }) {
  return (
    <label className="choice">
      <input
        type="checkbox"
        className="checkbox checkbox-sm"
        checked={on}
        onChange={(event) => onChange(event.target.checked)}
      />
      <span>{label}</span>
    </label>
  );
}

function isDocument(value: unknown): value is WebhookDocument {
  return typeof value === "object" && value !== null && typeof (value as WebhookDocument).auth === "object";
}

function inside(violations: Violation[], name: string): Violation[] {
  return violations.flatMap((each) => {
    const pointer = below(each.pointer, name);
    return pointer === null ? [] : [{ ...each, pointer }];
  });
}
