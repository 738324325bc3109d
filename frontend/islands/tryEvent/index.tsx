/** Tries a payload out against an event's definition, and records the event if one wants to. */
import { ArrowRight, CircleCheck, FlaskConical, Send, TriangleAlert } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { DataField, type DataFieldHandle } from "@/components/form/DataField";
import { JsonView } from "@/components/ui/JsonView";
import { Marked } from "@/components/ui/Marked";
import { ApiProblem, api, idempotencyKey, messageOf } from "@/lib/api";
import type { JsonSchema, Violation } from "@/lib/documents";
import { below } from "@/lib/pointer";

export interface TryEventProps {
  eventId: string;
  pattern: string;
  version: string;
  schema: JsonSchema | null;
  examples: unknown[];
  mayRecord: boolean;
}

interface Tried {
  valid: boolean;
  violations: Violation[];
  event: Record<string, unknown>;
}

interface Recorded {
  accepted: number;
  duplicates: number;
  events: { eventId: string; status: string }[];
}

export default function TryEventIsland({ eventId, pattern, version, schema, examples, mayRecord }: TryEventProps) {
  const [value, setValue] = useState<unknown>(() => structuredClone(examples[0] ?? {}));
  const [filled, setFilled] = useState(0);
  const [broken, setBroken] = useState(false);
  const [tried, setTried] = useState<Tried | null>(null);
  const [recorded, setRecorded] = useState<string[]>([]);
  const [refused, setRefused] = useState<Violation[]>([]);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState<"" | "check" | "record">("");
  const form = useRef<DataFieldHandle>(null);
  const key = useRef(idempotencyKey());
  const found = refused.length > 0 ? refused : (tried?.violations ?? []);
  const atFields = useMemo(() => found.flatMap(atPayload), [found]);
  const general = found.filter((each) => atPayload(each).length === 0);

  const forget = () => {
    setTried(null);
    setRefused([]);
    setFailure("");
  };

  const send = async (what: "check" | "record") => {
    forget();
    // What the browser finds wrong stands at its field; the server is asked all the same when one only checks.
    const checked = form.current?.submit();
    if (what === "record" && !checked?.valid) return;
    setBusy(what);
    try {
      if (what === "check") {
        const address = `events/definitions/${encodeURIComponent(eventId)}/try`;
        setTried(await api.post<Tried>(address, { payload: value, version }));
      } else {
        const payload = checked?.valid ? checked.data : value;
        const headers = { "Idempotency-Key": key.current };
        const answer = await api.post<Recorded>("events", { pattern, payload, version }, headers);
        setRecorded((before) => [...new Set([...answer.events.map((each) => each.eventId), ...before])].slice(0, 5));
        key.current = idempotencyKey();
      }
    } catch (error) {
      if (error instanceof ApiProblem) {
        setRefused(error.violations);
        // A refusal had no effect, so that the corrected attempt is a new one; after a lost answer the key stays.
        if (error.status !== 0) key.current = idempotencyKey();
      }
      setFailure(messageOf(error));
    }
    setBusy("");
  };

  return (
    <form className="flex flex-col min-h-0 flex-1" onSubmit={(event) => event.preventDefault()} noValidate>
      <div className="flex-1 min-h-0 overflow-y-auto p-5 grid gap-4 content-start">
        {examples.length > 1 && (
          <div className="choices" role="group" aria-label="Begin with an example">
            {examples.slice(0, 6).map((example, index) => (
              <button
                key={JSON.stringify(example)}
                type="button"
                className="choice-chip"
                aria-pressed={JSON.stringify(example) === JSON.stringify(value)}
                onClick={() => {
                  setValue(structuredClone(example));
                  setFilled((count) => count + 1);
                  forget();
                }}
              >
                Example {index + 1}
              </button>
            ))}
          </div>
        )}
        <DataField
          key={filled}
          ref={form}
          schema={schema}
          value={value}
          onChange={(next) => {
            setValue(next);
            setTried(null);
          }}
          onBroken={setBroken}
          serverViolations={atFields}
          disabled={busy !== ""}
          idPrefix="payload"
          label="Payload as JSON"
          defaults={false}
        />
      </div>
      <div aria-live="polite" className="try-results">
        {failure && (
          <div className="notice notice-error" role="alert">
            <div>
              <p className="font-medium">{failure}</p>
              {refused.length > 0 && <Findings violations={general} />}
            </div>
          </div>
        )}
        {tried && (
          <div className={`notice ${tried.valid ? "notice-success" : "notice-error"}`}>
            {tried.valid ? (
              <CircleCheck className="icon" aria-hidden />
            ) : (
              <TriangleAlert className="icon" aria-hidden />
            )}
            <div className="grid gap-1">
              <p className="font-medium">
                {tried.valid ? "This payload fits." : "This payload does not fit; see its fields."}
              </p>
              <Findings violations={general} />
              <details>
                <summary className="text-muted text-xs cursor-pointer">The event as it would be recorded</summary>
                <div className="pt-2">
                  <JsonView value={tried.event} label="event" />
                </div>
              </details>
            </div>
          </div>
        )}
        {recorded.length > 0 && (
          <div className="notice notice-success">
            <CircleCheck className="icon" aria-hidden />
            <div className="grid gap-1">
              <p className="font-medium">
                {recorded.length === 1 ? "The event is recorded." : `${recorded.length} events are recorded.`}
              </p>
              {recorded.map((id) => (
                <a
                  key={id}
                  className="text-link inline-flex items-center gap-1 wrap-anywhere"
                  href={`/events/${encodeURIComponent(id)}`}
                >
                  <span className="mono text-xs">{id}</span> <ArrowRight className="icon" aria-hidden />
                </a>
              ))}
            </div>
          </div>
        )}
      </div>
      <div className="flex flex-wrap items-center gap-2 border-t border-line p-4">
        <span className="text-xs text-faint mono wrap-anywhere min-w-0 mr-auto">
          {pattern} {version}
        </span>
        <button
          type="button"
          className={`btn btn-sm ${mayRecord ? "btn-quiet" : "btn-primary"}`}
          disabled={busy !== "" || broken}
          onClick={() => send("check")}
        >
          <FlaskConical className="icon" aria-hidden /> Check
        </button>
        {mayRecord && (
          <button
            type="button"
            className="btn btn-primary btn-sm"
            disabled={busy !== "" || broken}
            onClick={() => send("record")}
          >
            {busy === "record" ? (
              <span className="loading loading-spinner loading-xs" aria-hidden />
            ) : (
              <Send className="icon" aria-hidden />
            )}
            Record event
          </button>
        )}
      </div>
    </form>
  );
}

function Findings({ violations }: { violations: Violation[] }) {
  return violations.map((each) => (
    <p key={each.pointer + each.code + each.message}>
      <Marked text={each.message} /> {each.hint && <span className="text-muted">{each.hint}</span>}
    </p>
  ));
}

/** A violation of the request or of the event as one of the payload; none when it lies elsewhere. */
function atPayload(violation: Violation): Violation[] {
  const pointer = below(violation.pointer.replace(/^\/0(?=\/)/, ""), "/payload");
  return pointer === null ? [] : [{ ...violation, pointer }];
}
