/** One run: what it waits for, its graph, its times, the data of each step; follows the run while one looks. */
import {
  ChevronRight,
  CircleAlert,
  CircleCheck,
  CirclePause,
  CircleSlash,
  History,
  Hourglass,
  LoaderCircle,
  type LucideIcon,
  MousePointerClick,
} from "lucide-react";
import { useCallback, useEffect, useMemo, useState } from "react";
import { WorkflowGraph } from "@/components/graph/WorkflowGraph";
import { CopyButton } from "@/components/ui/JsonView";
import { Status } from "@/components/ui/Status";
import { Ago, Took } from "@/components/ui/Time";
import { Bars } from "@/components/run/Bars";
import type { Explanation, Instance, PastState } from "@/lib/documents";
import { stepsById } from "@/lib/graph";
import { lastOf, tail } from "@/lib/history";
import type { Verb } from "@/lib/steering";
import { stepName } from "@/lib/steps";
import { absolute } from "@/lib/time";
import { Actions, StepActions } from "./Actions";
import { HistoryList } from "./HistoryList";
import { RunInspector, StepInspector } from "./Inspector";
import { LiveMark } from "./LiveMark";
import { type Preset, SteerDialog, type SteerRequest } from "./SteerDialog";
import { TimeSlider } from "./TimeSlider";
import { type InstanceState, useInstance } from "./useInstance";
import { asItWas, usePoint } from "./usePoint";
import { mayOpenTask, type Viewer, useViewer, ViewerContext } from "./viewer";

export default function InstanceIsland({ initial, viewer }: { initial: InstanceState; viewer: Viewer }) {
  const { instance, history, explanation, feed, refresh, load } = useInstance(initial);
  const point = usePoint(instance.id);
  const [chosen, setChosen] = useState<string | null>(null);
  const [tab, setTab] = useState<"bars" | "history">("bars");
  const [request, setRequest] = useState<SteerRequest | null>(null);
  const [picking, setPicking] = useState<SteerRequest | null>(null);

  const looking = point.seq !== null && point.past !== null;
  const shown = useMemo(
    () => (point.past && point.seq !== null ? asItWas(instance, point.past) : instance),
    [instance, point.past, point.seq],
  );
  const steps = useMemo(() => stepsById(shown.document), [shown.document]);
  const names = useCallback(
    (stepId: string) => {
      const step = steps.get(stepId);
      return step ? stepName(step) : stepId;
    },
    [steps],
  );
  const run = useMemo(() => ({ status: shown.status, state: shown.state }), [shown]);
  const told = useMemo(
    () => tail(point.seq === null ? history : history.filter((entry) => entry.seq <= (point.seq as number))),
    [history, point.seq],
  );
  const choose = useCallback(
    (stepId: string | null) => {
      const id = stepId && steps.has(stepId) ? stepId : null;
      if (picking && id) {
        setRequest({ ...picking, preset: { ...picking.preset, to: id } });
        setPicking(null);
      } else if (!picking) setChosen(id);
    },
    [steps, picking],
  );
  const onSteer = useCallback((verb: Verb, preset: Preset = {}) => setRequest({ verb, preset }), []);
  const latest = Math.max(instance.seq, lastOf(history));
  const step = chosen ? steps.get(chosen) : undefined;
  const queued = instance.status === "CREATED";
  const maySteer = viewer.maySteer && !looking;

  return (
    <ViewerContext value={viewer}>
      <div className="grid gap-4">
        <header className="page-head mb-0!">
          <div className="min-w-0">
            <h1 className="flex flex-wrap items-center gap-x-3 gap-y-1">
              {instance.workflowName} <Status value={shown.status} />
            </h1>
            <p className="run-line">
              <span className="mono inline-flex items-center gap-1">
                {instance.id}
                <CopyButton text={() => instance.id} label="Copy the run's id" />
              </span>
              {instance.startedAt && (
                <span>
                  {queued ? "accepted" : "started"} <Ago at={instance.startedAt} />
                  {instance.startedBy && <> by {instance.startedBy}</>}
                </span>
              )}
              {instance.startedAt && (
                <span>
                  {instance.completedAt ? "took" : queued ? "waiting for" : "running for"}{" "}
                  <Took from={instance.startedAt} to={instance.completedAt} />
                </span>
              )}
              <LiveMark feed={feed} finished={Boolean(instance.completedAt)} />
            </p>
          </div>
          {maySteer && (
            <div className="actions">
              <Actions instance={instance} onSteer={onSteer} />
            </div>
          )}
        </header>

        {looking && point.past ? (
          <LookingBack past={point.past} instance={instance} onLive={() => point.go(null)} />
        ) : (
          <Explained instance={instance} explanation={explanation} names={names} onChoose={choose} />
        )}
        {point.failure && (
          <div className="notice notice-error" role="alert">
            <span className="flex-1">{point.failure}</span>
            <button type="button" className="btn btn-sm btn-quiet" onClick={() => point.go(null)}>
              Back to live
            </button>
          </div>
        )}
        {picking && (
          <Picking
            onStop={() => {
              setRequest(picking);
              setPicking(null);
            }}
          />
        )}

        <div className="run-columns">
          <div className="panel overflow-hidden min-w-0" data-picking={picking ? true : undefined}>
            <TimeSlider point={point} history={history} latest={latest} load={load} names={names} />
            <WorkflowGraph
              document={shown.document}
              run={run}
              chosen={chosen}
              onChoose={choose}
              label={`Graph of ${instance.workflowName}`}
            />
          </div>
          <aside className="panel panel-body run-inspector" aria-label={step ? "Step" : "Run"}>
            {step ? (
              <StepInspector
                step={step}
                state={shown.state.steps[step.stepId]}
                wait={instance.state.waitingFor.find((each) => each.stepId === step.stepId)}
                onClose={() => setChosen(null)}
                actions={maySteer && <StepActions instance={instance} stepId={step.stepId} onSteer={onSteer} />}
              />
            ) : (
              <RunInspector instance={shown} />
            )}
          </aside>
        </div>

        <section className="panel" aria-label="What happened">
          <div className="tabs-line px-4 pt-1" role="tablist">
            <button type="button" role="tab" aria-selected={tab === "bars"} onClick={() => setTab("bars")}>
              Timeline
            </button>
            <button type="button" role="tab" aria-selected={tab === "history"} onClick={() => setTab("history")}>
              History <span className="count">{latest.toLocaleString()}</span>
            </button>
          </div>
          {tab === "bars" ? (
            <Bars
              instance={shown}
              history={told}
              chosen={chosen}
              names={names}
              onChoose={choose}
              until={looking ? point.past?.at : null}
            />
          ) : (
            <HistoryList
              id={instance.id}
              history={history}
              latest={latest}
              load={load}
              chosen={chosen}
              names={names}
              onChoose={choose}
              point={point.seq}
              onGo={point.go}
            />
          )}
        </section>
        {request && (
          <SteerDialog
            key={`${request.verb}${request.preset.stepId ?? ""}${request.preset.to ?? ""}`}
            instance={instance}
            request={request}
            onDone={refresh}
            onClose={() => setRequest(null)}
            onPick={(asked) => {
              setRequest(null);
              setPicking(asked);
            }}
          />
        )}
      </div>
    </ViewerContext>
  );
}

/** While the reader chooses a step on the graph. Escape goes back to the dialog. */
function Picking({ onStop }: { onStop: () => void }) {
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      if (event.key === "Escape") onStop();
    };
    document.addEventListener("keydown", keys);
    return () => document.removeEventListener("keydown", keys);
  }, [onStop]);
  return (
    <div className="notice notice-info" role="status">
      <MousePointerClick className="icon" aria-hidden />
      <span className="flex-1">Choose the step on the graph that the run is to be moved to.</span>
      <button type="button" className="btn btn-sm btn-quiet" onClick={onStop}>
        Back to the dialog
      </button>
    </div>
  );
}

const OVER = new Set(["COMPLETED", "FAILED", "CANCELLED"]);

function LookingBack({ past, instance, onLive }: { past: PastState; instance: Instance; onLive: () => void }) {
  const standing = [...new Set(past.positions.map((each) => each.stepId))];
  return (
    <div className="notice notice-past" role="status">
      <History className="icon" aria-hidden />
      <div className="min-w-0 flex-1">
        <p className="font-medium">
          The run as it was{" "}
          {past.at ? <time dateTime={past.at}>at {absolute(past.at)}</time> : "before anything happened"}
          {past.seq > 0 && `, after entry ${past.seq} of ${instance.seq}`}.
        </p>
        <p className="text-muted">
          {past.suspension
            ? `Suspended${past.suspension.requestedBy ? ` by ${past.suspension.requestedBy}` : ""}${past.suspension.reason ? `: ${past.suspension.reason}` : "."}`
            : standing.length > 0
              ? `It stood at ${standing.slice(0, 5).join(", ")}${standing.length > 5 ? " …" : ""}.`
              : past.seq === 0
                ? "It was accepted and had not begun."
                : OVER.has(past.status)
                  ? "It was over."
                  : "It was between two steps."}
          {past.definitionVersion !== instance.definitionVersion && ` It was on version ${past.definitionVersion}.`}
        </p>
      </div>
      <button type="button" className="btn btn-sm btn-quiet shrink-0" onClick={onLive}>
        Back to live
      </button>
    </div>
  );
}

const TONES: Record<string, { tone: string; icon: LucideIcon }> = {
  COMPLETED: { tone: "notice-success", icon: CircleCheck },
  FAILED: { tone: "notice-error", icon: CircleAlert },
  CANCELLED: { tone: "notice-quiet", icon: CircleSlash },
  SUSPENDED: { tone: "notice-paused", icon: CirclePause },
};

const OPEN = new Set(["RUNNING", "WAITING_FOR_EVENT"]);
const MOST_WAITS = 5;

/** The run's situation in a sentence; with several branches open, in a sentence for each. */
function Explained({
  instance,
  explanation,
  names,
  onChoose,
}: {
  instance: Instance;
  explanation: Explanation | null;
  names: (stepId: string) => string;
  onChoose: (id: string) => void;
}) {
  const viewer = useViewer();
  if (!explanation) return null;
  const waits = instance.state.waitingFor;
  const waiting = waits.length > 0 || Boolean(explanation.queue);
  const holder = explanation.queue?.holders.length === 1 ? explanation.queue.holders[0] : undefined;
  const told = explanation.waitingFor ?? [];
  // Items of a FOR_EACH stand at the same steps; of those the one sentence says more than a list.
  const apart = new Set(told.map((each) => each.stepId)).size === told.length;
  const several = OPEN.has(instance.status) && apart && told.every((each) => each.sentence) ? told : [];
  const { tone, icon: Icon } = TONES[instance.status] ?? {
    tone: waiting ? "notice-warning" : "",
    icon: waiting ? Hourglass : LoaderCircle,
  };
  return (
    <div className={`notice ${tone}`} role="status">
      <Icon className="icon" aria-hidden />
      <div className="min-w-0 flex-1">
        {several.length > 1 ? (
          <>
            <p className="font-medium">{several.length.toLocaleString()} branches are open.</p>
            <ul className="wait-list" aria-label="What it waits for">
              {several.slice(0, MOST_WAITS).map((each, index) => (
                <li key={`${each.stepId}${index}`}>
                  <button type="button" className="text-link" onClick={() => onChoose(each.stepId)}>
                    {names(each.stepId)}
                  </button>
                  <span className="min-w-0">
                    {each.sentence} <span className="text-muted">{each.movesWhen}</span>
                  </span>
                </li>
              ))}
              {several.length > MOST_WAITS && <li className="text-muted">and {several.length - MOST_WAITS} more</li>}
            </ul>
          </>
        ) : (
          <p className="font-medium">{explanation.sentence}</p>
        )}
        {!instance.completedAt && several.length <= 1 && explanation.movesWhen && (
          <p className="text-muted">
            Moves on when: {explanation.movesWhen}
            {explanation.since && (
              <>
                {" "}
                {instance.status === "SUSPENDED" ? "Suspended" : "Waiting"} since <Ago at={explanation.since} />.
              </>
            )}
            {explanation.endsBy && (
              <>
                {" "}
                The run as a whole times out <Ago at={explanation.endsBy} />.
              </>
            )}
          </p>
        )}
      </div>
      {waits.length === 1 && waits[0]?.kind === "HUMAN" && waits[0].taskId && mayOpenTask(viewer, waits[0]) ? (
        <a className="btn btn-sm btn-quiet shrink-0" href={`/tasks/${waits[0].taskId}`}>
          Open task <ChevronRight className="icon" aria-hidden />
        </a>
      ) : holder ? (
        <a className="btn btn-sm btn-quiet shrink-0" href={`/instances/${holder}`}>
          Open that run <ChevronRight className="icon" aria-hidden />
        </a>
      ) : waits.length === 1 && waits[0]?.kind === "CHILD" && waits[0].instanceId ? (
        <a className="btn btn-sm btn-quiet shrink-0" href={`/instances/${waits[0].instanceId}`}>
          Open its run <ChevronRight className="icon" aria-hidden />
        </a>
      ) : waits.length === 1 && waits[0] ? (
        <button
          type="button"
          className="btn btn-sm btn-quiet shrink-0"
          onClick={() => onChoose((waits[0] as { stepId: string }).stepId)}
        >
          Show step
        </button>
      ) : null}
    </div>
  );
}
