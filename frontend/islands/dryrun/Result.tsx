/** What would have happened: the path on the graph, when, what outside, with which data. */
import { FlaskConical, X } from "lucide-react";
import { useMemo, useState } from "react";
import { WorkflowGraph } from "@/components/graph/WorkflowGraph";
import { Bars } from "@/components/run/Bars";
import { JsonView } from "@/components/ui/JsonView";
import { Marked } from "@/components/ui/Marked";
import { Status } from "@/components/ui/Status";
import type { DryRunResult, StepState, Wait, WorkflowDocument } from "@/lib/documents";
import { stepsById } from "@/lib/graph";
import { stepName } from "@/lib/steps";
import { duration } from "@/lib/time";
import { countOf, Effects } from "./Effects";

const TABS = { bars: "Timeline", effects: "Outside", data: "Data" };
type Tab = keyof typeof TABS;

export function Result({ document, result }: { document: WorkflowDocument; result: DryRunResult | null }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const [tab, setTab] = useState<Tab>("bars");
  const steps = useMemo(() => stepsById(document), [document]);
  const names = (stepId: string) => {
    const step = steps.get(stepId);
    return step ? stepName(step) : stepId;
  };
  const run = useMemo(() => (result ? asRun(result) : undefined), [result]);
  const choose = (stepId: string | null) => setChosen(stepId && steps.has(stepId) ? stepId : null);

  return (
    <>
      {result ? <Headline result={result} names={names} /> : <Invitation />}
      <div className="panel overflow-hidden min-w-0">
        <WorkflowGraph
          document={document}
          run={run}
          chosen={chosen}
          onChoose={choose}
          label={`Graph of ${document.name ?? document.workflowId}`}
        />
      </div>
      {result && chosen && (
        <StepResult name={names(chosen)} state={result.steps[chosen]} onClose={() => setChosen(null)} />
      )}
      {result && run && (
        <section className="panel" aria-label="In detail">
          <div className="tabs-line px-4 pt-1" role="tablist">
            {(Object.keys(TABS) as Tab[]).map((each) => (
              <button key={each} type="button" role="tab" aria-selected={tab === each} onClick={() => setTab(each)}>
                {TABS[each]}
                {each === "effects" && <span className="count">{countOf(result).toLocaleString()}</span>}
              </button>
            ))}
          </div>
          {tab === "bars" && (
            <Bars
              instance={run}
              history={result.history}
              chosen={chosen}
              names={names}
              onChoose={choose}
              until={endOf(result)}
            />
          )}
          {tab === "effects" && <Effects result={result} names={names} />}
          {tab === "data" && (
            <div className="panel-body grid gap-4">
              <Titled title="Output" value={result.output} />
              <Titled title="Variables" value={result.variables} />
            </div>
          )}
        </section>
      )}
    </>
  );
}

function endOf(result: DryRunResult): string {
  return new Date(Date.parse(result.startedAt) + result.seconds * 1000).toISOString();
}

function asRun(result: DryRunResult) {
  const waitingFor: Wait[] = result.waitsAt.map((stepId) => ({ kind: "TASK", stepId }));
  const over = ["COMPLETED", "FAILED", "CANCELLED"].includes(result.status);
  return {
    status: result.status,
    startedAt: result.startedAt,
    completedAt: over ? endOf(result) : null,
    state: { variables: result.variables, currentStepId: null, steps: result.steps, waitingFor },
  };
}

function Invitation() {
  return (
    <div className="notice">
      <FlaskConical className="icon" aria-hidden />
      <p>
        Fill in an input, say what the steps that ask somebody outside are answered, and play the workflow to its end on
        a clock of its own.
      </p>
    </div>
  );
}

function Headline({ result, names }: { result: DryRunResult; names: (stepId: string) => string }) {
  const tone =
    result.status === "COMPLETED" ? "notice-success" : result.status === "FAILED" ? "notice-error" : "notice-warning";
  return (
    <div className={`notice ${tone}`} role="status">
      <div className="min-w-0 grid gap-1">
        <p className="flex flex-wrap items-center gap-2 font-medium">
          <Status value={result.status} />
          {result.waitsAt.length > 0
            ? `Nobody answers at ${result.waitsAt.map(names).join(", ")}, so it stops there`
            : result.seconds < 1
              ? "It would end at once"
              : `It would end after ${duration(result.seconds * 1000)}`}
        </p>
        {result.error && (
          <p className="wrap-anywhere">
            <Marked text={result.error.message ?? result.error.code ?? ""} />
          </p>
        )}
        <p className="text-muted">{result.effects.sentence}</p>
        {result.effects.cancelledBy?.map((each) => (
          <p key={each.sentence} className="text-muted wrap-anywhere">
            {each.sentence}
          </p>
        ))}
      </div>
    </div>
  );
}

function StepResult({ name, state, onClose }: { name: string; state: StepState | undefined; onClose: () => void }) {
  return (
    <section className="panel" aria-label="Step">
      <div className="panel-head">
        <h2>{name}</h2>
        {state && <Status value={state.status} />}
        <div className="actions">
          <button type="button" className="btn btn-ghost btn-xs btn-square" aria-label="Close" onClick={onClose}>
            <X className="icon" aria-hidden />
          </button>
        </div>
      </div>
      <div className="panel-body grid gap-4">
        {!state && <p className="text-muted">The run would not come here.</p>}
        {state?.error && <p className="text-error wrap-anywhere">{state.error.message || state.error.code}</p>}
        <Titled title="Input" value={state?.input} />
        <Titled title="Output" value={state?.output} />
      </div>
    </section>
  );
}

function Titled({ title, value }: { title: string; value: unknown }) {
  if (value === null || value === undefined) return null;
  return (
    <section className="grid gap-1.5">
      <h3 className="section-title">{title}</h3>
      <JsonView value={value} label={title.toLowerCase()} />
    </section>
  );
}
