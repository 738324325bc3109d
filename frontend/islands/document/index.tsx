/** Writes a definition as JSON: checked while it is written, saved as a draft or published at once. */
import { Check, CircleAlert, Rocket, Save, TriangleAlert } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { Marked } from "@/components/ui/Marked";
import { ApiProblem, api, idempotencyKey, messageOf } from "@/lib/api";
import type { Violation } from "@/lib/documents";
import { placeOf } from "@/lib/jsonPlace";
import { useVerdict } from "./useVerdict";

export interface DocumentProps {
  /** Where definitions of this kind are saved, below /api/v1/. */
  address: string;
  /** The page of all of them; one of them lies below it. */
  page: string;
  idField: string;
  document: Record<string, unknown>;
  /** Of the draft that is changed; null for a new definition or version. */
  revision: number | null;
  mayPublish: boolean;
}

export default function DocumentIsland({ address, page, idField, document, revision, mayPublish }: DocumentProps) {
  const [text, setText] = useState(() => JSON.stringify(document, null, 2));
  const [refused, setRefused] = useState<Violation[]>([]);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const [parsed, flaw] = useMemo(() => read(text), [text]);
  const verdict = useVerdict(address, parsed && text);
  const violations = refused.length > 0 ? refused : verdict.violations;
  const errors = violations.filter((each) => each.severity === "error");

  const save = async (publish: boolean) => {
    if (!parsed) return;
    setBusy(true);
    setFailure("");
    setRefused([]);
    try {
      // A revision guards the version that was opened; under another number it is a new one.
      const guarded = revision !== null && parsed.version === document.version && parsed[idField] === document[idField];
      const saved = await api.post<Record<string, string>>(address, parsed, {
        "Idempotency-Key": idempotencyKey(),
        ...(guarded ? { "If-Match": `"${revision}"` } : {}),
      });
      const id = encodeURIComponent(String(saved[idField]));
      const version = String(saved.version);
      if (publish) await api.post(`${address}/${id}/publish`, { version });
      location.assign(`${page}/${id}?version=${encodeURIComponent(version)}`);
    } catch (error) {
      if (error instanceof ApiProblem) setRefused(error.violations);
      setFailure(messageOf(error));
      setBusy(false);
    }
  };

  const show = (pointer: string) => {
    const area = field.current;
    const place = placeOf(text, pointer);
    if (!area || !place) return;
    area.focus();
    area.setSelectionRange(place.start, place.end);
    const line = text.slice(0, place.start).split("\n").length;
    area.scrollTop = (line / text.split("\n").length) * area.scrollHeight - area.clientHeight / 2;
  };

  return (
    <form className="flex flex-col min-h-0 flex-1" onSubmit={(event) => event.preventDefault()} noValidate>
      <div className="flex-1 min-h-0 flex flex-col gap-3 p-4">
        <textarea
          ref={field}
          className="text-field mono text-xs flex-1 min-h-48! resize-none!"
          spellCheck={false}
          wrap="off"
          aria-label="Definition as JSON"
          aria-invalid={Boolean(flaw) || undefined}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setRefused([]);
            setFailure("");
          }}
        />
        <div aria-live="polite" className="grid gap-2">
          {failure && (
            <div className="notice notice-error" role="alert">
              {failure}
            </div>
          )}
          {flaw ? (
            <p className="field-error">This is no JSON yet. {flaw}</p>
          ) : violations.length > 0 ? (
            <Problems violations={violations} onShow={show} />
          ) : verdict.failure ? (
            <p className="text-muted text-xs">It could not be checked. {verdict.failure}</p>
          ) : verdict.settled ? (
            <p className="flex items-center gap-2 text-success text-xs font-medium">
              <Check className="icon" aria-hidden /> No problems
            </p>
          ) : (
            <p className="text-faint text-xs">Checking…</p>
          )}
        </div>
      </div>
      <div className="flex flex-wrap items-center justify-end gap-2 border-t border-line p-4">
        {errors.length > 0 && (
          <span className="text-muted text-xs mr-auto">A draft may have errors; it cannot be published with them.</span>
        )}
        <button type="button" className="btn btn-quiet btn-sm" disabled={busy || !parsed} onClick={() => save(false)}>
          <Save className="icon" aria-hidden /> Save draft
        </button>
        {mayPublish && (
          <button
            type="button"
            className="btn btn-primary btn-sm"
            disabled={busy || !parsed || !verdict.settled || errors.length > 0}
            onClick={() => save(true)}
          >
            <Rocket className="icon" aria-hidden /> Save and publish
          </button>
        )}
      </div>
    </form>
  );
}

function Problems({ violations, onShow }: { violations: Violation[]; onShow: (pointer: string) => void }) {
  return (
    <ul className="violations panel max-h-56!" aria-label="Problems">
      {violations.map((each) => (
        <li key={`${each.pointer}${each.code}${each.message}`}>
          {each.severity === "error" ? (
            <CircleAlert className="icon text-error" aria-label="Error" />
          ) : (
            <TriangleAlert className="icon text-warning" aria-label="Warning" />
          )}
          <div className="min-w-0">
            <p>
              <Marked text={each.message} />
            </p>
            {each.hint && (
              <p className="text-muted">
                <Marked text={each.hint} />
              </p>
            )}
            <button
              type="button"
              className="text-link mono text-xs text-left wrap-anywhere"
              title="Show it in the text"
              onClick={() => onShow(each.pointer)}
            >
              {each.pointer || "/"}
            </button>
          </div>
        </li>
      ))}
    </ul>
  );
}

function read(text: string): [Record<string, unknown> | null, string] {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return [value as Record<string, unknown>, ""];
    }
    return [null, "A definition is an object: it begins with { and ends with }."];
  } catch (error) {
    return [null, messageOf(error)];
  }
}
