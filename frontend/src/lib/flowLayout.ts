/** One level of a workflow, the root or one branch, placed by ELK's layered algorithm from top to bottom. */
import type { ELK, ElkNode } from "elkjs/lib/elk-api";
import { labelSize, type Point } from "./drawing";
import type { GraphEdge } from "./graph";

export interface Box {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface RoutedEdge {
  points: Point[];
  label: Point | null;
}

export interface Flow {
  boxes: Map<string, Box>;
  edges: Map<string, RoutedEdge>;
  width: number;
  height: number;
}

/** Order in the document decides: what is written first stands left, and a way back never turns the graph round. */
const OPTIONS = {
  "elk.algorithm": "layered",
  "elk.direction": "DOWN",
  "elk.edgeRouting": "ORTHOGONAL",
  "elk.layered.cycleBreaking.strategy": "MODEL_ORDER",
  "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
  "elk.layered.nodePlacement.strategy": "BRANDES_KOEPF",
  "elk.layered.nodePlacement.bk.fixedAlignment": "BALANCED",
  "elk.layered.spacing.nodeNodeBetweenLayers": "38",
  "elk.layered.spacing.edgeNodeBetweenLayers": "18",
  "elk.spacing.nodeNode": "36",
  "elk.spacing.edgeNode": "22",
  "elk.spacing.edgeEdge": "14",
  "elk.spacing.edgeLabel": "4",
  "elk.edgeLabels.placement": "CENTER",
  "elk.padding": "[top=0,left=0,bottom=0,right=0]",
};

export async function layOutFlow(
  elk: ELK,
  nodes: { id: string; width: number; height: number }[],
  edges: Pick<GraphEdge, "id" | "source" | "target" | "label">[],
): Promise<Flow> {
  const graph: ElkNode = {
    id: "(flow)",
    layoutOptions: OPTIONS,
    children: nodes.map(({ id, width, height }) => ({ id, width, height })),
    edges: edges.map((edge) => ({
      id: edge.id,
      sources: [edge.source],
      targets: [edge.target],
      labels: edge.label ? [{ text: edge.label, ...labelSize(edge.label) }] : [],
    })),
  };
  const answer: ElkNode = await elk.layout(graph);
  return {
    boxes: new Map((answer.children ?? []).map((child) => [child.id, box(child)])),
    edges: new Map(
      (answer.edges ?? []).map((edge) => {
        const label = edge.labels?.[0];
        return [
          edge.id,
          {
            points: (edge.sections ?? []).flatMap((part) => [
              part.startPoint,
              ...(part.bendPoints ?? []),
              part.endPoint,
            ]),
            label: label
              ? { x: (label.x ?? 0) + (label.width ?? 0) / 2, y: (label.y ?? 0) + (label.height ?? 0) / 2 }
              : null,
          },
        ];
      }),
    ),
    width: answer.width ?? 0,
    height: answer.height ?? 0,
  };
}

function box({ id, x = 0, y = 0, width = 0, height = 0 }: ElkNode): Box {
  return { id, x, y, width, height };
}
