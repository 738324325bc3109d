/** One run: what it waits for, its graph, its times, the data of each step; follows the run while one looks. */
import {
  ChevronRight,
  CircleAlert,
  CircleCheck,
  CirclePause,
  CircleSlash,
  Hourglass,
  LoaderCircle,
  type LucideIcon,
} from "lucide-react";
import { useCallback, useMemo, useState } from "react";
import { WorkflowGraph } from "@/components/graph/WorkflowGraph";
import { CopyButton } from "@/components/ui/JsonView";
import { Status } from "@/components/ui/Status";
import { Ago, Took } from "@/components/ui/Time";
import type { Explanation, Instance } from "@/lib/documents";
import { stepsById } from "@/lib/graph";
import { Actions } from "./Actions";
import { RunInspector, StepInspector } from "./Inspector";
import { LiveMark } from "./LiveMark";
import { Bars, HistoryList } from "./Timeline";
import { type InstanceState, useInstance } from "./useInstance";
import { mayOpenTask, type Viewer, useViewer, ViewerContext } from "./viewer";

export default function InstanceIsland({ initial, viewer }: { initial: InstanceState; viewer: Viewer }) {
  const { instance, history, explanation, feed, refresh } = useInstance(initial);
  const [chosen, setChosen] = useState<string | null>(null);
  const [tab, setTab] = useState<"bars" | "history">("bars");
  const steps = useMemo(() => stepsById(instance.document), [instance.document]);
  const run = useMemo(() => ({ status: instance.status, state: instance.state }), [instance]);
  const choose = useCallback(
    (stepId: string | null) => setChosen(stepId && steps.has(stepId) ? stepId : null),
    [steps],
  );
  const step = chosen ? steps.get(chosen) : undefined;

  return (
    <ViewerContext value={viewer}>
      <div className="grid gap-4">
        <header className="page-head mb-0!">
          <div className="min-w-0">
            <h1 className="flex flex-wrap items-center gap-x-3 gap-y-1">
              {instance.workflowName} <Status value={instance.status} />
            </h1>
            <p className="run-line">
              <span className="mono inline-flex items-center gap-1">
                {instance.id}
                <CopyButton text={() => instance.id} label="Copy the run's id" />
              </span>
              {instance.startedAt && (
                <span>
                  started <Ago at={instance.startedAt} />
                  {instance.startedBy && <> by {instance.startedBy}</>}
                </span>
              )}
              {instance.startedAt && (
                <span>
                  {instance.completedAt ? "took" : "running for"}{" "}
                  <Took from={instance.startedAt} to={instance.completedAt} />
                </span>
              )}
              <LiveMark feed={feed} finished={Boolean(instance.completedAt)} />
            </p>
          </div>
          {viewer.maySteer && (
            <div className="actions">
              <Actions instance={instance} onDone={refresh} />
            </div>
          )}
        </header>

        <Explained instance={instance} explanation={explanation} onChoose={choose} />

        <div className="run-columns">
          <div className="panel overflow-hidden min-w-0">
            <WorkflowGraph
              document={instance.document}
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
                state={instance.state.steps[step.stepId]}
                wait={instance.state.waitingFor.find((each) => each.stepId === step.stepId)}
                onClose={() => setChosen(null)}
              />
            ) : (
              <RunInspector instance={instance} />
            )}
          </aside>
        </div>

        <section className="panel" aria-label="What happened">
          <div className="tabs-line px-4 pt-1" role="tablist">
            <button type="button" role="tab" aria-selected={tab === "bars"} onClick={() => setTab("bars")}>
              Timeline
            </button>
            <button type="button" role="tab" aria-selected={tab === "history"} onClick={() => setTab("history")}>
              History <span className="count">{history.length}</span>
            </button>
          </div>
          {tab === "bars" ? (
            <Bars instance={instance} history={history} chosen={chosen} onChoose={choose} />
          ) : (
            <HistoryList instance={instance} history={history} chosen={chosen} onChoose={choose} />
          )}
        </section>
      </div>
    </ViewerContext>
  );
}

const TONES: Record<string, { tone: string; icon: LucideIcon }> = {
  COMPLETED: { tone: "notice-success", icon: CircleCheck },
  FAILED: { tone: "notice-error", icon: CircleAlert },
  CANCELLED: { tone: "notice-quiet", icon: CircleSlash },
  SUSPENDED: { tone: "notice-paused", icon: CirclePause },
};

/** The run's situation in a sentence. */
function Explained({
  instance,
  explanation,
  onChoose,
}: {
  instance: Instance;
  explanation: Explanation | null;
  onChoose: (id: string) => void;
}) {
  const viewer = useViewer();
  if (!explanation) return null;
  const waits = instance.state.waitingFor;
  const waiting = waits.length > 0 || Boolean(explanation.queue);
  const holder = explanation.queue?.holders.length === 1 ? explanation.queue.holders[0] : undefined;
  const { tone, icon: Icon } = TONES[instance.status] ?? {
    tone: waiting ? "notice-warning" : "",
    icon: waiting ? Hourglass : LoaderCircle,
  };
  return (
    <div className={`notice ${tone}`} role="status">
      <Icon className="icon" aria-hidden />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{explanation.sentence}</p>
        {!instance.completedAt && explanation.movesWhen && (
          <p className="text-muted">
            Moves on when: {explanation.movesWhen}
            {explanation.since && (
              <>
                {" "}
                Waiting since <Ago at={explanation.since} />.
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
      ) : waits.length > 0 && waits[0] ? (
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
