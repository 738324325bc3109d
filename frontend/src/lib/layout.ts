/** Places a workflow graph with ELK's layered algorithm, top to bottom, groups and lanes as nested boxes. */
import type { ELK, ElkExtendedEdge, ElkNode } from "elkjs/lib/elk-api";
import type { GraphNode, NodeKind, WorkflowGraph } from "./graph";

export interface Point {
  x: number;
  y: number;
}

export interface PlacedNode {
  id: string;
  /** Relative to the parent's box. */
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PlacedEdge {
  id: string;
  /** Absolute corner points, from source to target. */
  points: Point[];
  /** Absolute centre of the label. */
  label: Point | null;
}

export interface Layout {
  nodes: Map<string, PlacedNode>;
  edges: Map<string, PlacedEdge>;
  width: number;
  height: number;
}

const SIZES: Record<NodeKind, [number, number]> = {
  start: [72, 30],
  end: [72, 30],
  catch: [132, 30],
  step: [216, 58],
  missing: [180, 52],
  fork: [14, 14],
  join: [164, 26],
  group: [0, 0],
  lane: [0, 0],
};

const LABEL_CHAR = 6.1;
export const LABEL_MAX = 26;

export function edgeLabel(text: string): string {
  return text.length > LABEL_MAX ? `${text.slice(0, LABEL_MAX - 1)}…` : text;
}

/** The graph in ELK's own form. */
export function toElk(graph: WorkflowGraph): ElkNode {
  const children = new Map<string | null, GraphNode[]>();
  for (const node of graph.nodes) {
    const siblings = children.get(node.parent) ?? [];
    siblings.push(node);
    children.set(node.parent, siblings);
  }
  const convert = (node: GraphNode): ElkNode => {
    const inner = children.get(node.id)?.map(convert);
    const [width, height] = SIZES[node.kind];
    if (!inner) return node.kind === "lane" ? { id: node.id, width: 150, height: 64 } : { id: node.id, width, height };
    const top = node.kind === "group" ? 52 : 34;
    return {
      id: node.id,
      children: inner,
      layoutOptions: { "elk.padding": `[top=${top},left=16,bottom=16,right=16]` },
    };
  };
  const edges: ElkExtendedEdge[] = graph.edges.map((edge) => ({
    id: edge.id,
    sources: [edge.source],
    targets: [edge.target],
    labels: edge.label
      ? [{ text: edge.label, width: edgeLabel(edge.label).length * LABEL_CHAR + 14, height: 20 }]
      : [],
  }));
  return {
    id: "(root)",
    layoutOptions: {
      "elk.algorithm": "layered",
      "elk.direction": "DOWN",
      "elk.edgeRouting": "ORTHOGONAL",
      "elk.hierarchyHandling": "INCLUDE_CHILDREN",
      "elk.json.edgeCoords": "ROOT",
      "elk.layered.cycleBreaking.strategy": "MODEL_ORDER",
      "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
      "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
      "elk.layered.nodePlacement.favorStraightEdges": "true",
      "elk.layered.spacing.nodeNodeBetweenLayers": "40",
      "elk.layered.spacing.edgeNodeBetweenLayers": "18",
      "elk.spacing.nodeNode": "36",
      "elk.spacing.edgeNode": "22",
      "elk.spacing.edgeEdge": "14",
      "elk.spacing.edgeLabel": "4",
      "elk.edgeLabels.placement": "CENTER",
      "elk.padding": "[top=12,left=12,bottom=12,right=12]",
    },
    children: (children.get(null) ?? []).map(convert),
    edges,
  };
}

/** ELK's answer as flat maps. */
export function fromElk(root: ElkNode): Layout {
  const nodes = new Map<string, PlacedNode>();
  const edges = new Map<string, PlacedEdge>();
  const walk = (node: ElkNode) => {
    for (const child of node.children ?? []) {
      const { id, x = 0, y = 0, width = 0, height = 0 } = child;
      nodes.set(id, { id, x, y, width, height });
      walk(child);
    }
    for (const edge of node.edges ?? []) {
      const points = (edge.sections ?? []).flatMap((part) => [part.startPoint, ...(part.bendPoints ?? []), part.endPoint]);
      const label = edge.labels?.[0];
      edges.set(edge.id, {
        id: edge.id,
        points,
        label: label ? { x: (label.x ?? 0) + (label.width ?? 0) / 2, y: (label.y ?? 0) + (label.height ?? 0) / 2 } : null,
      });
    }
  };
  walk(root);
  return { nodes, edges, width: root.width ?? 0, height: root.height ?? 0 };
}

export async function layOut(elk: ELK, graph: WorkflowGraph): Promise<Layout> {
  return fromElk(await elk.layout(toElk(graph)));
}

/** An SVG path through the points with rounded corners. */
export function roundedPath(points: Point[], radius = 8): string {
  const [first, ...rest] = points;
  if (!first) return "";
  let path = `M${first.x},${first.y}`;
  rest.forEach((point, index) => {
    const before = points[index] as Point;
    const after = points[index + 2];
    if (!after) {
      path += ` L${point.x},${point.y}`;
      return;
    }
    const from = towards(point, before, radius);
    const to = towards(point, after, radius);
    path += ` L${from.x},${from.y} Q${point.x},${point.y} ${to.x},${to.y}`;
  });
  return path;
}

function towards(corner: Point, other: Point, radius: number): Point {
  const distance = Math.hypot(other.x - corner.x, other.y - corner.y);
  if (distance === 0) return corner;
  const part = Math.min(radius, distance / 2) / distance;
  return { x: corner.x + (other.x - corner.x) * part, y: corner.y + (other.y - corner.y) * part };
}
