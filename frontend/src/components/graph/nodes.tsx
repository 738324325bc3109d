/** How the nodes of a workflow graph look. */
import { Handle, type NodeProps, Position } from "@xyflow/react";
import { CircleAlert, Undo2 } from "lucide-react";
import { memo } from "react";
import { statusWord } from "@/components/ui/Status";
import { StepIcon } from "@/components/ui/StepIcon";
import type { GraphNode } from "@/lib/graph";
import type { Progress } from "@/lib/progress";
import { stepKind } from "@/lib/steps";

export interface NodeData extends Record<string, unknown> {
  node: GraphNode;
  status: string | null;
  visits: number;
  progress: Progress | null;
  chosen: boolean;
  problems: number;
}

function Handles() {
  return (
    <>
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </>
  );
}

function data(props: NodeProps): NodeData {
  return props.data as NodeData;
}

function Head({ node, status, visits, problems, progress }: NodeData) {
  return (
    <>
      <span className="step-icon">
        <StepIcon type={node.type} />
      </span>
      <span className="step-text">
        <span className="step-name clip">{node.label}</span>
        <span className="step-note num clip">{progress?.text ?? (node.summary || stepKind(node.type).label)}</span>
      </span>
      {node.compensatedBy && (
        <span className="step-badge" title={`Undone by ${node.compensatedBy}`}>
          <Undo2 className="icon" aria-label={`Undone by ${node.compensatedBy}`} />
        </span>
      )}
      {visits > 1 && (
        <span className="step-badge" title={`Ran ${visits} times`}>
          ×{visits}
        </span>
      )}
      {problems > 0 && <CircleAlert className="icon step-problem" aria-label={`${problems} problems`} />}
      {status && <span className="sr-only">{statusWord(status)}</span>}
    </>
  );
}

const StepNode = memo((props: NodeProps) => {
  const given = data(props);
  return (
    <div
      className="step-node"
      data-status={given.status ?? "PENDING"}
      data-plain={given.status === null || undefined}
      data-chosen={given.chosen || undefined}
      title={given.node.label}
    >
      <Handles />
      <Head {...given} />
    </div>
  );
});

const GroupNode = memo((props: NodeProps) => {
  const given = data(props);
  return (
    <div
      className="group-node"
      data-status={given.status ?? "PENDING"}
      data-plain={given.status === null || undefined}
      data-chosen={given.chosen || undefined}
    >
      <Handles />
      <div className="group-head">
        <Head {...given} />
      </div>
      {given.progress && <ItemsBar {...given.progress} />}
    </div>
  );
});

/** How many of all items are done and how many failed, as a line along the head of a FOR_EACH. */
function ItemsBar({ done, failed, total }: Progress) {
  const share = (count: number) => `${total === 0 ? 0 : (count / total) * 100}%`;
  return (
    <div className="items-bar" aria-hidden>
      <span data-status="COMPLETED" style={{ width: share(done) }} />
      <span data-status="FAILED" style={{ width: share(failed) }} />
    </div>
  );
}

const LaneNode = memo((props: NodeProps) => (
  <div className="lane-node">
    <Handles />
    <span className="clip">{data(props).node.label}</span>
  </div>
));

const TerminalNode = memo((props: NodeProps) => (
  <div className="terminal-node" data-kind={data(props).node.kind}>
    <Handles />
    {data(props).node.label}
  </div>
));

const ForkNode = memo(() => (
  <div className="fork-node">
    <Handles />
  </div>
));

const MissingNode = memo((props: NodeProps) => (
  <div className="missing-node">
    <Handles />
    <span className="clip">{data(props).node.label}</span>
    <span className="step-note">no such step</span>
  </div>
));

export const nodeTypes = {
  start: TerminalNode,
  end: TerminalNode,
  catch: TerminalNode,
  join: TerminalNode,
  step: StepNode,
  container: GroupNode,
  lane: LaneNode,
  fork: ForkNode,
  missing: MissingNode,
};
