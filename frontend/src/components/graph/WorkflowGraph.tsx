/** A workflow as a graph: laid out once per document, coloured by what a run says, one step can be chosen. */
import { type Edge, MarkerType, type Node, Panel, ReactFlow, ReactFlowProvider, useReactFlow } from "@xyflow/react";
import { Maximize, Minus, Plus } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { messageOf } from "@/lib/api";
import { buildGraph, type GraphNode, type WorkflowGraph as Graph } from "@/lib/graph";
import type { Layout } from "@/lib/layout";
import { NO_OVERLAY, type Overlay, overlayOf } from "@/lib/overlay";
import type { Instance, WorkflowDocument } from "@/lib/documents";
import { edgeTypes } from "./edges";
import { layOutInWorker } from "./elk";
import { nodeTypes } from "./nodes";
import { centreOf, initialView } from "./view";

export interface WorkflowGraphProps {
  document: WorkflowDocument;
  run?: Pick<Instance, "status" | "state">;
  chosen?: string | null;
  onChoose?: (stepId: string | null) => void;
  /** Problems per JSON Pointer, shown on the step they lie in. */
  problemPointers?: string[];
  label: string;
}

export function WorkflowGraph(props: WorkflowGraphProps) {
  const graph = useMemo(() => buildGraph(props.document), [props.document]);
  const { layout, failure } = useLayout(graph);
  if (failure) return <div className="graph-frame grid place-items-center text-muted">{failure}</div>;
  if (!layout) {
    return (
      <div className="graph-frame grid place-items-center" aria-busy="true">
        <span className="loading loading-dots text-muted" aria-label="Laying out the graph" />
      </div>
    );
  }
  return (
    <ReactFlowProvider>
      <Canvas {...props} graph={graph} layout={layout} />
    </ReactFlowProvider>
  );
}

function useLayout(graph: Graph) {
  const [answer, setAnswer] = useState<{ layout: Layout | null; failure: string }>({ layout: null, failure: "" });
  useEffect(() => {
    let current = true;
    layOutInWorker(graph).then(
      (layout) => current && setAnswer({ layout, failure: "" }),
      (error) => current && setAnswer({ layout: null, failure: `The graph cannot be drawn: ${messageOf(error)}` }),
    );
    return () => {
      current = false;
    };
  }, [graph]);
  return answer;
}

function Canvas({
  graph,
  layout,
  run,
  chosen,
  onChoose,
  problemPointers,
  label,
}: WorkflowGraphProps & { graph: Graph; layout: Layout }) {
  const frame = useRef<HTMLDivElement>(null);
  const flow = useReactFlow();
  const overlay = useMemo(() => (run ? overlayOf(run, graph) : NO_OVERLAY), [run, graph]);
  const nodes = useMemo(
    () => graph.nodes.map((node) => toNode(node, layout, overlay, chosen ?? null, problemPointers ?? [])),
    [graph, layout, overlay, chosen, problemPointers],
  );
  const edges = useMemo(() => graph.edges.map((edge) => toEdge(edge, layout, overlay)), [graph, layout, overlay]);

  const reset = () => {
    const box = frame.current;
    const stands = run ? standsAt(run) : null;
    const focus = stands ? centreOf(graph.nodes, layout, stands) : null;
    if (box) void flow.setViewport(initialView(layout, box.clientWidth, box.clientHeight, focus));
  };

  return (
    <div
      ref={frame}
      className="graph-frame"
      style={{ height: `min(${Math.max(320, layout.height + 56)}px, var(--graph-max))` }}
    >
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        elementsSelectable={Boolean(onChoose)}
        zoomOnScroll={false}
        zoomOnDoubleClick={false}
        preventScrolling={false}
        minZoom={0.25}
        maxZoom={1.5}
        aria-label={label}
        proOptions={{ hideAttribution: true }}
        onInit={reset}
        onNodeClick={(_, node) => onChoose?.(stepOf(node))}
        onPaneClick={() => onChoose?.(null)}
        onNodesChange={(changes) => {
          // Enter on a focused node arrives as a change of its selection; what is chosen is our own state.
          const picked = changes.find((change) => change.type === "select" && change.selected);
          const node = picked && "id" in picked ? nodes.find((each) => each.id === picked.id) : undefined;
          if (node) onChoose?.(stepOf(node));
        }}
      >
        <Panel position="bottom-right" className="graph-tools">
          <button type="button" aria-label="Zoom in" title="Zoom in" onClick={() => void flow.zoomIn()}>
            <Plus className="icon" aria-hidden />
          </button>
          <button type="button" aria-label="Zoom out" title="Zoom out" onClick={() => void flow.zoomOut()}>
            <Minus className="icon" aria-hidden />
          </button>
          <button
            type="button"
            aria-label="Show all"
            title="Show all"
            onClick={() => void flow.fitView({ padding: 0.08, maxZoom: 1 })}
          >
            <Maximize className="icon" aria-hidden />
          </button>
        </Panel>
      </ReactFlow>
    </div>
  );
}

/** The step to look at first: where the run failed, else what it waits for. */
function standsAt(run: Pick<Instance, "status" | "state">): string | null {
  const steps = Object.entries(run.state.steps);
  const failed = run.status === "FAILED" ? steps.findLast(([, state]) => state.status === "FAILED") : undefined;
  return failed?.[0] ?? run.state.waitingFor[0]?.stepId ?? null;
}

function stepOf(node: Node): string | null {
  return (node.data.node as GraphNode).stepId;
}

function toNode(node: GraphNode, layout: Layout, overlay: Overlay, chosen: string | null, pointers: string[]): Node {
  const box = layout.nodes.get(node.id);
  const isStep = node.stepId !== null;
  const progress = overlay.progress(node.id);
  return {
    id: node.id,
    // xyflow gives its own look to a type called "group".
    type: node.kind === "group" ? "container" : node.kind,
    parentId: node.parent ?? undefined,
    position: { x: box?.x ?? 0, y: box?.y ?? 0 },
    width: box?.width,
    height: box?.height,
    focusable: isStep,
    selectable: isStep,
    selected: isStep && node.stepId === chosen,
    ariaLabel: isStep
      ? `${node.label}, ${overlay.status(node.id)?.toLowerCase() ?? node.type.toLowerCase()}${progress ? `, ${progress.text}` : ""}`
      : undefined,
    data: {
      node,
      status: isStep ? overlay.status(node.id) : null,
      visits: overlay.visits(node.id),
      progress,
      chosen: isStep && node.stepId === chosen,
      problems: node.pointer
        ? pointers.filter((each) => each === node.pointer || each.startsWith(`${node.pointer}/`)).length
        : 0,
    },
  };
}

function toEdge(edge: Graph["edges"][number], layout: Layout, overlay: Overlay): Edge {
  const route = layout.edges.get(edge.id);
  const taken = overlay.taken(edge);
  return {
    id: edge.id,
    source: edge.source,
    target: edge.target,
    type: "route",
    focusable: false,
    zIndex: taken ? 3 : 2,
    markerEnd: {
      type: MarkerType.ArrowClosed,
      markerUnits: "userSpaceOnUse",
      width: 15,
      height: 15,
      color: taken ? "var(--route-taken)" : "var(--route)",
    },
    data: { points: route?.points ?? [], labelAt: route?.label ?? null, text: edge.label, kind: edge.kind, taken },
  };
}
