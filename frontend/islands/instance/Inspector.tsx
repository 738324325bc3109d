/** Everything known about one step of a run, or about the run itself when no step is chosen. */
import { ArrowUpRight, X } from "lucide-react";
import type { ReactNode } from "react";
import { JsonView } from "@/components/ui/JsonView";
import { Status } from "@/components/ui/Status";
import { StepIcon } from "@/components/ui/StepIcon";
import { Ago, Took } from "@/components/ui/Time";
import type { Instance, StepDocument, StepError, StepState, Wait } from "@/lib/documents";
import { mayOpenTask, useViewer } from "./viewer";
import { progressOf } from "@/lib/progress";
import { stepKind, stepName, stepType } from "@/lib/steps";

export function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="grid gap-1.5">
      <h3 className="section-title">{title}</h3>
      {children}
    </section>
  );
}

export function ErrorBox({ error }: { error: StepError }) {
  return (
    <div className="notice notice-error">
      <div className="min-w-0">
        <p className="font-medium wrap-anywhere">{error.message || error.code || "Failed"}</p>
        <p className="text-xs text-muted mono">{[error.type, error.code].filter(Boolean).join(" · ")}</p>
        {error.details !== undefined && error.details !== null && (
          <div className="mt-2">
            <JsonView value={error.details} label="error details" />
          </div>
        )}
      </div>
    </div>
  );
}

export function StepInspector({
  step,
  state,
  wait,
  onClose,
  actions,
}: {
  step: StepDocument;
  state: StepState | undefined;
  /** What the run waits for at this step, if it does. */
  wait: Wait | undefined;
  onClose: () => void;
  /** What the reader may do to it. */
  actions?: ReactNode;
}) {
  const type = stepType(step);
  return (
    <div className="grid gap-4" aria-live="polite">
      <div className="flex items-start gap-2.5" data-status={state?.status ?? "PENDING"}>
        <span className="step-icon">
          <StepIcon type={type} />
        </span>
        <div className="min-w-0 flex-1">
          <h2 className="text-sm clip">{stepName(step)}</h2>
          <p className="text-xs text-muted clip">
            {stepKind(type).label} · <code>{step.stepId}</code>
          </p>
        </div>
        <button
          type="button"
          className="btn btn-ghost btn-xs btn-square"
          aria-label="Show the whole run"
          onClick={onClose}
        >
          <X className="icon" aria-hidden />
        </button>
      </div>
      {step.description && <p className="text-muted">{step.description}</p>}
      {actions}
      {!state ? <p className="text-muted">Not reached yet.</p> : <StepFacts step={step} state={state} wait={wait} />}
    </div>
  );
}

function StepFacts({ step, state, wait }: { step: StepDocument; state: StepState; wait: Wait | undefined }) {
  const viewer = useViewer();
  const progress = progressOf(state);
  // A step inside a FOR_EACH has many tasks; what the run waits for first is one of them.
  const taskId = state.taskId ?? wait?.taskId;
  return (
    <>
      <dl className="facts">
        <dt>Status</dt>
        <dd>
          <Status value={state.status} />
        </dd>
        {state.startedAt && (
          <>
            <dt>Started</dt>
            <dd>
              <Ago at={state.startedAt} />
            </dd>
            <dt>{state.completedAt ? "Took" : "For"}</dt>
            <dd>
              <Took from={state.startedAt} to={state.completedAt} />
            </dd>
          </>
        )}
        {progress && (
          <>
            <dt>{state.items ? "Items" : "Visits"}</dt>
            <dd className="num">{progress.text}</dd>
          </>
        )}
        {(state.attempts ?? 1) > 1 && (
          <>
            <dt>Attempts</dt>
            <dd className="num">{state.attempts}</dd>
          </>
        )}
        {(state.visit ?? 1) > 1 && (
          <>
            <dt>Visit</dt>
            <dd className="num">{state.visit}</dd>
          </>
        )}
        {state.outcome && (
          <>
            <dt>Outcome</dt>
            <dd>
              <code>{state.outcome}</code>
            </dd>
          </>
        )}
        {step.taskId && (
          <>
            <dt>Task</dt>
            <dd>
              <code>{step.taskId}</code>
            </dd>
          </>
        )}
      </dl>
      {taskId && stepType(step) === "HUMAN_TASK" && mayOpenTask(viewer, wait) && (
        <a className="btn btn-sm btn-quiet justify-self-start" href={`/tasks/${taskId}`}>
          Open the task <ArrowUpRight className="icon" aria-hidden />
        </a>
      )}
      {state.childInstanceId && (
        <a className="btn btn-sm btn-quiet justify-self-start" href={`/instances/${state.childInstanceId}`}>
          Open the run of {step.workflowId as string} <ArrowUpRight className="icon" aria-hidden />
        </a>
      )}
      {state.error && (
        <Section title="Error">
          <ErrorBox error={state.error} />
        </Section>
      )}
      <Data title="Input" value={state.input} />
      <Data title="Output" value={state.output} />
    </>
  );
}

export function Data({ title, value }: { title: string; value: unknown }) {
  if (value === null || value === undefined) return null;
  return (
    <Section title={title}>
      <JsonView value={value} label={title.toLowerCase()} />
    </Section>
  );
}

export function RunInspector({ instance }: { instance: Instance }) {
  const viewer = useViewer();
  const variables = instance.state.variables;
  const cancels = instance.document.cancellationTriggers ?? [];
  return (
    <div className="grid gap-4">
      <h2 className="sr-only">Run</h2>
      <dl className="facts">
        <dt>Workflow</dt>
        <dd>
          {viewer.seesWorkflows ? (
            <a className="text-link" href={`/workflows/${encodeURIComponent(instance.workflowDefinitionId)}`}>
              {instance.workflowName}
            </a>
          ) : (
            instance.workflowName
          )}{" "}
          <span className="text-faint mono">{instance.definitionVersion}</span>
        </dd>
        {instance.startedBy && (
          <>
            <dt>Started by</dt>
            <dd>{instance.startedBy}</dd>
          </>
        )}
        {viewer.startedByEvent && (
          <>
            <dt>On the event</dt>
            <dd>
              <a className="text-link mono" href={`/events/${encodeURIComponent(viewer.startedByEvent)}`}>
                {viewer.startedByEvent}
              </a>
            </dd>
          </>
        )}
        {instance.correlationId && (
          <>
            <dt>Correlation</dt>
            <dd>
              {viewer.seesEvents ? (
                <a className="text-link" href={`/events?correlation=${encodeURIComponent(instance.correlationId)}`}>
                  <code>{instance.correlationId}</code>
                </a>
              ) : (
                <code>{instance.correlationId}</code>
              )}
            </dd>
          </>
        )}
        {instance.parentInstanceId && (
          <>
            <dt>Parent run</dt>
            <dd>
              <a className="text-link mono" href={`/instances/${instance.parentInstanceId}`}>
                {instance.parentInstanceId}
              </a>
            </dd>
          </>
        )}
        {instance.cancellation?.reason && (
          <>
            <dt>Cancelled</dt>
            <dd>
              {instance.cancellation.reason}
              {instance.cancellation.requestedBy && (
                <span className="text-muted"> — {instance.cancellation.requestedBy}</span>
              )}
              {instance.cancellation.eventId && viewer.seesEvents && (
                <>
                  {" — "}
                  <a className="text-link" href={`/events/${encodeURIComponent(instance.cancellation.eventId)}`}>
                    by this event
                  </a>
                </>
              )}
            </dd>
          </>
        )}
        {!instance.completedAt && cancels.length > 0 && (
          <>
            <dt>Is cancelled by</dt>
            <dd>
              <ul className="grid gap-1.5">
                {cancels.map((each, index) => (
                  <li key={`${each.eventPattern}${index}`} className="wrap-anywhere">
                    <code>{each.eventPattern}</code>
                    {each.eventCondition && (
                      <span className="text-muted">
                        {" "}
                        when <code>{each.eventCondition}</code>
                      </span>
                    )}
                    {each.shouldCompensate && <span className="text-muted">, undoing what it has done</span>}
                  </li>
                ))}
              </ul>
            </dd>
          </>
        )}
      </dl>
      {instance.error && (
        <Section title="Error">
          <ErrorBox error={instance.error} />
        </Section>
      )}
      <Data title="Output" value={instance.output} />
      <Data title="Input" value={instance.input} />
      {Object.keys(variables).length > 0 && <Data title="Variables" value={variables} />}
    </div>
  );
}
