/** Makes or changes a webhook subscription: which events go where, signed with which secret. */
import { type FormEvent, useState } from "react";
import { JsonEditor } from "@/components/form/JsonEditor";
import { SaveBar } from "@/components/ui/SaveBar";
import { ApiProblem, api, idempotencyKey, messageOf } from "@/lib/api";
import type { JsonSchema, Violation } from "@/lib/documents";
import { below } from "@/lib/pointer";
import { Choice, Duration, Field } from "../schedule/fields";
import { readDuration } from "../schedule/rule";
import { freeName, SecretField, type Secrets } from "../webhook/SecretField";
import { listed, tidy } from "../webhook/senders";

export interface SubscriptionDocument {
  subscriptionId?: string;
  name?: string;
  description?: string;
  url?: string;
  eventPatterns?: string[];
  eventCondition?: string | null;
  format?: string;
  secretName?: string;
  authSecretName?: string;
  headers?: Record<string, string>;
  timeout?: string;
  maxRetries?: number;
  retryDelay?: string;
  enabled?: boolean;
  [other: string]: unknown;
}

export interface SubscriptionProps {
  /** The saved document; null for a new subscription. */
  document: SubscriptionDocument | null;
  revision: number;
  secrets: Secrets;
}

const TEXTS: JsonSchema = { type: "object", additionalProperties: { type: "string" } };
const FORMATS = { native: "The event as it is kept", cloudevents: "CloudEvents 1.0" };
const PATH = "webhooks/subscriptions";

export default function SubscriptionIsland({ document: saved, revision, secrets }: SubscriptionProps) {
  const [document, setDocument] = useState<SubscriptionDocument>(saved ?? {});
  const [patterns, setPatterns] = useState((saved?.eventPatterns ?? []).join("\n"));
  const [broken, setBroken] = useState(false);
  const [violations, setViolations] = useState<Violation[]>([]);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);

  const change = (part: Partial<SubscriptionDocument>) => setDocument((now) => tidy({ ...now, ...part }));
  const at = (name: string) =>
    violations.find((each) => each.severity === "error" && below(each.pointer, `/${name}`) !== null);

  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (!document.url || !document.eventPatterns) {
      setFailure(document.url ? "Say which events are sent." : "Say where events are sent.");
      return;
    }
    setBusy(true);
    setFailure("");
    setViolations([]);
    try {
      const key = { "Idempotency-Key": idempotencyKey() };
      const body = { ...document, subscriptionId: document.subscriptionId ?? freeName(nameOf(document), []) };
      const done = saved
        ? await api.put<{ subscriptionId: string }>(`${PATH}/${encodeURIComponent(body.subscriptionId)}`, body, {
            ...key,
            "If-Match": `"${revision}"`,
          })
        : await api.post<{ subscriptionId: string }>(PATH, body, { ...key, ...(await unused(body.subscriptionId)) });
      location.assign(`/events/webhooks/out/${encodeURIComponent(done.subscriptionId)}`);
    } catch (error) {
      if (error instanceof ApiProblem) setViolations(error.violations);
      setFailure(messageOf(error));
      setBusy(false);
    }
  };

  const delay = readDuration(document.retryDelay ?? "PT5S");
  const timeout = readDuration(document.timeout ?? "PT15S");
  const host = hostOf(document.url);

  return (
    <form className="flex flex-col min-h-0 flex-1" onSubmit={save} noValidate>
      <div className="flex-1 min-h-0 overflow-y-auto p-5 grid gap-5 content-start">
        <Field label="Name" optional problem={at("name")}>
          <input
            className="text-field"
            value={document.name ?? ""}
            maxLength={200}
            placeholder="Orders to the partner"
            onChange={(event) => change({ name: event.target.value })}
          />
        </Field>
        <Field label="Address" problem={at("url")}>
          <input
            className="text-field mono"
            type="url"
            value={document.url ?? ""}
            placeholder="https://partner.example/events"
            spellCheck={false}
            autoComplete="off"
            maxLength={2000}
            onChange={(event) => change({ url: event.target.value.trim() })}
          />
        </Field>
        <Field
          label="Events"
          hint="One pattern a line; * stands for one part, ** for any number."
          problem={at("eventPatterns")}
        >
          <textarea
            className="text-field mono"
            rows={3}
            value={patterns}
            placeholder={"orders.*\ninvoices.paid"}
            spellCheck={false}
            onChange={(event) => {
              setPatterns(event.target.value);
              change({ eventPatterns: listed(event.target.value) });
            }}
          />
        </Field>
        <Field label="Only if" optional problem={at("eventCondition")}>
          <input
            className="text-field mono"
            value={document.eventCondition ?? ""}
            placeholder="event.payload.country == 'DE'"
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => change({ eventCondition: event.target.value })}
          />
        </Field>
        <Field label="Format">
          <Choice value={document.format ?? "native"} options={FORMATS} onChange={(format) => change({ format })} />
        </Field>
        <SecretField
          label="Signed with"
          optional
          hint="The other side checks the header webhook-signature with it."
          value={document.secretName}
          secrets={secrets}
          suggested={nameOf(document)}
          problem={at("secretName")}
          onChange={(secretName) => change({ secretName })}
        />
        <details open={at("authSecretName") || at("headers") || at("timeout") || at("retryDelay") ? true : undefined}>
          <summary className="text-muted text-xs cursor-pointer">More</summary>
          <div className="grid gap-4 mt-3">
            <SecretField
              label="Sent as a bearer"
              optional
              hint="Only to the hosts that the secret names."
              value={document.authSecretName}
              secrets={secrets}
              suggested={`${nameOf(document)}-token`}
              hosts={host ? [host] : []}
              problem={at("authSecretName")}
              onChange={(authSecretName) => change({ authSecretName })}
            />
            <div className="grid gap-3 sm:grid-cols-2">
              <Field label="Tried again" hint="times at most" problem={at("maxRetries")}>
                <input
                  type="number"
                  className="text-field"
                  min={0}
                  max={50}
                  value={document.maxRetries ?? 8}
                  onChange={(event) => change({ maxRetries: Math.max(0, Math.floor(Number(event.target.value) || 0)) })}
                />
              </Field>
              <Field label="First after" hint="then twice as long each time" problem={at("retryDelay")}>
                <Duration
                  name="First after"
                  value={delay ?? { count: 5, unit: "S" }}
                  onChange={(retryDelay) => change({ retryDelay })}
                />
              </Field>
              <Field label="Waits for an answer" problem={at("timeout")}>
                <Duration
                  name="Waits for an answer"
                  value={timeout ?? { count: 15, unit: "S" }}
                  onChange={(text) => change({ timeout: text })}
                />
              </Field>
            </div>
            <div className="grid gap-1">
              <JsonEditor
                value={document.headers ?? {}}
                schema={TEXTS}
                label="Further headers"
                onChange={(headers) =>
                  change({
                    headers:
                      Object.keys(headers as object).length > 0 ? (headers as Record<string, string>) : undefined,
                  })
                }
                onBroken={setBroken}
                serverViolations={violations.flatMap((each) => {
                  const pointer = below(each.pointer, "/headers");
                  return pointer === null ? [] : [{ ...each, pointer }];
                })}
              />
              <p className="field-hint">
                Further headers; values may hold <code>{"${event.payload.…}"}</code>. Secrets do not belong here.
              </p>
            </div>
          </div>
        </details>
      </div>
      <SaveBar
        failure={failure}
        violations={violations}
        noun="subscription"
        isNew={!saved}
        enabled={document.enabled ?? true}
        busy={busy}
        broken={broken}
        onEnable={(enabled) => change({ enabled })}
      />
    </form>
  );
}

/** Creating must not replace a subscription that happens to have the name: that is for its own page. */
async function unused(id: string): Promise<Record<string, string>> {
  try {
    await api.get(`${PATH}/${encodeURIComponent(id)}`);
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 404) return {};
    throw error;
  }
  throw new Error(`There is a subscription ${id} already. Give this one another name.`);
}

function nameOf(document: SubscriptionDocument): string {
  return document.name || hostOf(document.url) || "subscription";
}

export function hostOf(url: string | undefined): string {
  try {
    return url ? new URL(url).host : "";
  } catch {
    return "";
  }
}
