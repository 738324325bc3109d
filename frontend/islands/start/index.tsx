/** Starts a run of one workflow from a form made of its `inputSchema`, or from JSON. */
import { Play } from "lucide-react";
import { type FormEvent, useMemo, useRef, useState } from "react";
import { DataField, type DataFieldHandle } from "@/components/form/DataField";
import { ApiProblem, api, idempotencyKey, messageOf } from "@/lib/api";
import type { JsonSchema, Violation } from "@/lib/documents";
import { below } from "@/lib/pointer";

export interface StartProps {
  workflowId: string;
  version: string;
  inputSchema: JsonSchema | null;
}

export default function StartIsland({ workflowId, version, inputSchema }: StartProps) {
  const [value, setValue] = useState<unknown>({});
  const [broken, setBroken] = useState(false);
  const [correlationId, setCorrelationId] = useState("");
  const [violations, setViolations] = useState<Violation[]>([]);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const form = useRef<DataFieldHandle>(null);
  const key = useRef(idempotencyKey());
  const general = useMemo(() => violations.filter((each) => below(each.pointer, "/input") === null), [violations]);
  const atFields = useMemo(() => violations.flatMap((each) => moved(each)), [violations]);

  const start = async (event: FormEvent) => {
    event.preventDefault();
    const checked = form.current?.submit();
    if (!checked?.valid) return;
    setBusy(true);
    setFailure("");
    setViolations([]);
    try {
      const body = { workflowId, version, input: checked.data, ...(correlationId ? { correlationId } : {}) };
      const run = await api.post<{ id: string }>("workflows/instances", body, { "Idempotency-Key": key.current });
      location.assign(`/instances/${run.id}`);
    } catch (error) {
      if (error instanceof ApiProblem) setViolations(error.violations);
      setFailure(messageOf(error));
      // A refusal had no effect, so that the corrected attempt is a new one; after a lost answer the key stays.
      if (error instanceof ApiProblem && error.status !== 0) key.current = idempotencyKey();
      setBusy(false);
    }
  };

  return (
    <form className="flex flex-col min-h-0 flex-1" onSubmit={start} noValidate>
      <div className="flex-1 min-h-0 overflow-y-auto p-5 grid gap-4 content-start">
        <DataField
          ref={form}
          schema={inputSchema}
          value={value}
          onChange={setValue}
          onBroken={setBroken}
          serverViolations={atFields}
          disabled={busy}
          idPrefix="input"
          label="Input as JSON"
          nothingToFillIn="This workflow asks for no input."
        />
        <details>
          <summary className="text-muted text-xs cursor-pointer">More</summary>
          <label className="grid gap-1 mt-2">
            <span className="field-label">
              Correlation id <span className="optional">optional</span>
            </span>
            <input
              className="text-field"
              value={correlationId}
              maxLength={255}
              onChange={(event) => setCorrelationId(event.target.value)}
            />
            <span className="field-hint">Your own number for this run, for finding it again.</span>
          </label>
        </details>
        {failure && (
          <div className="notice notice-error" role="alert">
            <div>
              <p className="font-medium">{failure}</p>
              {general.map((each) => (
                <p key={each.pointer + each.code}>{each.message}</p>
              ))}
            </div>
          </div>
        )}
      </div>
      <div className="flex items-center gap-3 border-t border-line p-4">
        <span className="text-xs text-faint mono">version {version}</span>
        <button type="submit" className="btn btn-primary btn-sm ml-auto" disabled={busy || broken}>
          {busy ? (
            <span className="loading loading-spinner loading-xs" aria-hidden />
          ) : (
            <Play className="icon" aria-hidden />
          )}
          Start run
        </button>
      </div>
    </form>
  );
}

/** A violation of the request as one of the input; none when it lies elsewhere. */
function moved(violation: Violation): Violation[] {
  const pointer = below(violation.pointer, "/input");
  return pointer === null ? [] : [{ ...violation, pointer }];
}
