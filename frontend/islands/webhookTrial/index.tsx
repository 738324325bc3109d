/** Tries a call: whether it would be let in, and the event that would come of it. Nothing is recorded. */
import { CircleCheck, CircleX } from "lucide-react";
import { type FormEvent, useState } from "react";
import { JsonView } from "@/components/ui/JsonView";
import { api, messageOf } from "@/lib/api";
import type { Violation } from "@/lib/documents";
import { Field } from "../schedule/fields";

export interface Verdict {
  verified: boolean;
  reason: { code: string; message: string } | null;
  event: unknown;
  answer: unknown;
  violations: Violation[];
}

export default function WebhookTrial({ webhookId, body: first }: { webhookId: string; body: string }) {
  const [headers, setHeaders] = useState("Content-Type: application/json");
  const [body, setBody] = useState(first);
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);

  const attempt = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailure("");
    try {
      const path = `webhooks/${encodeURIComponent(webhookId)}/test`;
      setVerdict(await api.post<Verdict>(path, { headers: readHeaders(headers), body }));
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form className="flex flex-col min-h-0 flex-1" onSubmit={attempt} noValidate>
      <div className="flex-1 min-h-0 overflow-y-auto p-5 grid gap-5 content-start">
        <Field label="Headers" hint="One a line, as they were sent.">
          <textarea
            className="text-field mono text-xs"
            rows={4}
            value={headers}
            spellCheck={false}
            onChange={(event) => setHeaders(event.target.value)}
          />
        </Field>
        <Field label="Body">
          <textarea
            className="text-field mono text-xs"
            rows={8}
            value={body}
            spellCheck={false}
            onChange={(event) => setBody(event.target.value)}
          />
        </Field>
        {failure && (
          <p className="notice notice-error" role="alert">
            {failure}
          </p>
        )}
        {verdict && (
          <div className="grid gap-3" role="status">
            <p className={`notice ${verdict.verified ? "notice-success" : "notice-warning"}`}>
              {verdict.verified ? (
                <CircleCheck className="icon" aria-hidden />
              ) : (
                <CircleX className="icon" aria-hidden />
              )}
              <span>
                {verdict.verified
                  ? "The sender is who they should be."
                  : `It would be refused: ${verdict.reason?.message ?? ""}`}
                {!verdict.verified && verdict.event != null && (
                  <span className="text-muted"> With the right proof, this event would come of it.</span>
                )}
              </span>
            </p>
            {verdict.violations.map((each) => (
              <p className="notice notice-error" key={each.pointer + each.code}>
                <span>
                  {each.message} {each.hint && <span className="text-muted">{each.hint}</span>}{" "}
                  {each.pointer && <code className="text-faint text-xs">{each.pointer}</code>}
                </span>
              </p>
            ))}
            {verdict.event != null && <JsonView value={verdict.event} label="event" />}
          </div>
        )}
      </div>
      <div className="flex items-center border-t border-line p-4">
        <p className="text-muted text-xs">Nothing is recorded.</p>
        <button type="submit" className="btn btn-primary btn-sm ml-auto" disabled={busy}>
          {busy && <span className="loading loading-spinner loading-xs" aria-hidden />}
          Try
        </button>
      </div>
    </form>
  );
}

/** `Name: value` a line → an object; a line without a colon is left out. */
export function readHeaders(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split("\n").flatMap((line) => {
      const colon = line.indexOf(":");
      return colon > 0 ? [[line.slice(0, colon).trim(), line.slice(colon + 1).trim()]] : [];
    }),
  );
}
