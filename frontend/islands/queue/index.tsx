/** Sets up a queue or changes its settings; the expression of its order is checked while it is written. */
import { type FormEvent, useState } from "react";
import { FormFoot } from "@/components/ui/FormFoot";
import { ApiProblem, api, idempotencyKey, messageOf } from "@/lib/api";
import type { Violation } from "@/lib/documents";
import { Duration, Field } from "../schedule/fields";
import { readDuration } from "../schedule/rule";
import { useExpression } from "./useExpression";

export interface QueueConfig {
  batchSize?: number;
  highWatermark?: number;
  maxRetries?: number;
  retryDelay?: string;
  partitionKey?: string;
}

export interface QueueProps {
  /** Null for a new one. */
  queue: { id: string; patterns: string[]; config: QueueConfig; revision: number } | null;
  waiting?: number;
}

const NEW: Required<Omit<QueueConfig, "partitionKey">> = {
  batchSize: 200,
  highWatermark: 100_000,
  maxRetries: 5,
  retryDelay: "PT1S",
};

export default function QueueIsland({ queue, waiting = 0 }: QueueProps) {
  const isDefault = queue?.id === "default";
  const [id, setId] = useState(queue?.id ?? "");
  const [patterns, setPatterns] = useState((queue?.patterns ?? []).join("\n"));
  const [config, setConfig] = useState<QueueConfig>({ ...NEW, ...queue?.config });
  const [violations, setViolations] = useState<Violation[]>([]);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const order = useExpression(config.partitionKey ?? "");

  const at = (pointer: string) =>
    violations.find((each) => each.pointer === pointer || each.pointer.startsWith(`${pointer}/`));
  const change = (part: QueueConfig) => setConfig((now) => ({ ...now, ...part }));

  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (!id.trim()) {
      setFailure("Give it a name.");
      return;
    }
    setBusy(true);
    setFailure("");
    setViolations([]);
    const { partitionKey, ...rest } = config;
    const body = {
      ...(isDefault ? {} : { patterns: lines(patterns) }),
      config: { ...rest, ...(partitionKey?.trim() ? { partitionKey: partitionKey.trim() } : {}) },
    };
    const path = `events/queues/${encodeURIComponent(id.trim())}`;
    try {
      if (!queue && (await exists(path))) {
        setViolations([
          { pointer: "/id", code: "taken", message: "There is a queue of that name.", severity: "error" },
        ]);
        setBusy(false);
        return;
      }
      await api.put(path, body, {
        "Idempotency-Key": idempotencyKey(),
        ...(queue ? { "If-Match": `"${queue.revision}"` } : {}),
      });
      location.assign(`/events/queues/${encodeURIComponent(id.trim())}`);
    } catch (error) {
      if (error instanceof ApiProblem) setViolations(error.violations);
      setFailure(messageOf(error));
      setBusy(false);
    }
  };

  const delay = readDuration(config.retryDelay ?? NEW.retryDelay);
  const wrong = at("/config/partitionKey") ?? order.violation;

  return (
    <form className="flex flex-col min-h-0 flex-1" onSubmit={save} noValidate>
      <div className="flex-1 min-h-0 overflow-y-auto p-5 grid gap-5 content-start">
        {!queue && (
          <Field label="Name" hint="Small letters, digits, - and _. It stays." problem={at("/id")}>
            <input
              className="text-field mono"
              value={id}
              maxLength={100}
              spellCheck={false}
              autoComplete="off"
              placeholder="orders"
              onChange={(event) => setId(event.target.value)}
            />
          </Field>
        )}
        {isDefault ? (
          <p className="text-muted">It takes every event that no other queue’s patterns fit.</p>
        ) : (
          <Field label="Patterns" hint="One a line. * is one word, ** any number: orders.**" problem={at("/patterns")}>
            <textarea
              className="text-field mono"
              rows={3}
              value={patterns}
              spellCheck={false}
              aria-invalid={Boolean(at("/patterns")) || undefined}
              onChange={(event) => setPatterns(event.target.value)}
            />
          </Field>
        )}
        {queue && !isDefault && waiting > 0 && patterns !== queue.patterns.join("\n") && (
          <p className="notice notice-quiet">
            <span>
              {waiting.toLocaleString("en")} that {waiting === 1 ? "waits" : "wait"} in it already{" "}
              {waiting === 1 ? "stays" : "stay"}; the patterns decide about what comes from now on.
            </span>
          </p>
        )}
        <Field
          label="High watermark"
          hint="From so many waiting events on, senders from outside are told to wait."
          problem={at("/config/highWatermark")}
        >
          <Whole value={config.highWatermark} least={1} onChange={(highWatermark) => change({ highWatermark })} />
        </Field>
        <Field label="Batch size" hint="Events that are taken at once." problem={at("/config/batchSize")}>
          <Whole value={config.batchSize} least={1} onChange={(batchSize) => change({ batchSize })} />
        </Field>
        <Field
          label="Retries"
          hint="After a failure that may pass. What still fails then is a dead letter."
          problem={at("/config/maxRetries")}
        >
          <Whole value={config.maxRetries} least={0} onChange={(maxRetries) => change({ maxRetries })} />
        </Field>
        <Field label="First retry after" hint="Each further one waits longer." problem={at("/config/retryDelay")}>
          {delay ? (
            <Duration name="First retry after" value={delay} onChange={(retryDelay) => change({ retryDelay })} />
          ) : (
            <input
              className="text-field mono"
              value={config.retryDelay}
              onChange={(event) => change({ retryDelay: event.target.value })}
            />
          )}
        </Field>
        <div className="grid gap-1">
          <Field
            label="Keep the order of events with the same …"
            optional
            hint="An expression of the event. Without one, events are handled side by side."
            problem={wrong}
          >
            <input
              className="text-field mono"
              value={config.partitionKey ?? ""}
              spellCheck={false}
              autoComplete="off"
              placeholder="event.payload.orderId"
              aria-invalid={Boolean(wrong) || undefined}
              onChange={(event) => {
                setViolations((now) => now.filter((each) => each.pointer !== "/config/partitionKey"));
                change({ partitionKey: event.target.value });
              }}
            />
          </Field>
          {!wrong && order.reads.length > 0 && (
            <p className="field-hint" role="status">
              Reads{" "}
              {order.reads.map((path, place) => (
                <span key={path}>
                  {place > 0 && ", "}
                  <code>{path}</code>
                </span>
              ))}
              . Events that lack it are handled in no order.
            </p>
          )}
        </div>
      </div>
      <FormFoot failure={failure} violations={violations}>
        <span className="text-muted text-xs">{queue ? "Holds for all processes within a second." : ""}</span>
        <button type="submit" className="btn btn-primary btn-sm ml-auto" disabled={busy || Boolean(order.violation)}>
          {busy && <span className="loading loading-spinner loading-xs" aria-hidden />}
          {queue ? "Save settings" : "Create queue"}
        </button>
      </FormFoot>
    </form>
  );
}

function Whole(props: { value: number | undefined; least: number; onChange: (value: number) => void }) {
  return (
    <input
      type="number"
      className="text-field num w-40!"
      min={props.least}
      step={1}
      value={props.value ?? ""}
      onChange={(event) => {
        const given = event.target.valueAsNumber;
        props.onChange(Number.isFinite(given) ? Math.trunc(given) : (undefined as unknown as number));
      }}
    />
  );
}

/** Saving under a name that is taken would change that queue, which nobody means who makes a new one. */
async function exists(path: string): Promise<boolean> {
  try {
    await api.get(path);
    return true;
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 404) return false;
    throw error;
  }
}

export function lines(text: string): string[] {
  return text
    .split(/[\n,]/)
    .map((each) => each.trim())
    .filter(Boolean);
}
