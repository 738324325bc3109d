/** The graph of a workflow definition; a chosen step shows its part of the document and its problems. */
import { X } from "lucide-react";
import { useMemo, useState } from "react";
import { WorkflowGraph } from "@/components/graph/WorkflowGraph";
import { JsonView } from "@/components/ui/JsonView";
import { StepIcon } from "@/components/ui/StepIcon";
import type { Violation, WorkflowDocument } from "@/lib/documents";
import { buildGraph, stepsById } from "@/lib/graph";
import { stepKind, stepName, stepType } from "@/lib/steps";
import { Violations } from "./Violations";

export default function WorkflowIsland({
  document,
  violations,
}: {
  document: WorkflowDocument;
  violations: Violation[];
}) {
  const [chosen, setChosen] = useState<string | null>(null);
  const steps = useMemo(() => stepsById(document), [document]);
  const pointers = useMemo(() => violations.map((each) => each.pointer), [violations]);
  const graph = useMemo(() => buildGraph(document), [document]);
  const step = chosen ? steps.get(chosen) : undefined;

  /** The step that a problem lies in: the longest pointer of a node that leads there. */
  const show = (pointer: string) => {
    const holders = graph.nodes.filter(
      (node) => node.stepId && (pointer === node.pointer || pointer.startsWith(`${node.pointer}/`)),
    );
    const closest = holders.sort((a, b) => b.pointer.length - a.pointer.length)[0];
    if (closest) setChosen(closest.stepId);
  };

  return (
    <div className="grid gap-4">
      {violations.length > 0 && <Violations violations={violations} onShow={show} />}
      <div className={step ? "run-columns" : ""}>
        <div className="panel overflow-hidden min-w-0">
          <WorkflowGraph
            document={document}
            chosen={chosen}
            onChoose={(stepId) => setChosen(stepId && steps.has(stepId) ? stepId : null)}
            problemPointers={pointers}
            label={`Graph of ${document.name ?? document.workflowId}`}
          />
        </div>
        {step && (
          <aside className="panel panel-body run-inspector grid gap-3" aria-label="Step">
            <div className="flex items-start gap-2.5">
              <span className="step-icon" data-status="PENDING">
                <StepIcon type={stepType(step)} />
              </span>
              <div className="min-w-0 flex-1">
                <h2 className="text-sm clip">{stepName(step)}</h2>
                <p className="text-xs text-muted">{stepKind(stepType(step)).label}</p>
              </div>
              <button
                type="button"
                className="btn btn-ghost btn-xs btn-square"
                aria-label="Close"
                onClick={() => setChosen(null)}
              >
                <X className="icon" aria-hidden />
              </button>
            </div>
            {step.description && <p className="text-muted">{step.description}</p>}
            <JsonView value={step} label="step" />
          </aside>
        )}
      </div>
    </div>
  );
}
