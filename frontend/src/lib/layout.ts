/**
 * Places a whole workflow graph: every level by itself (`flowLayout.ts`), innermost first, branches side by side.
 *
 * Inside a group the fork stands at the top, the join at the bottom, the lanes between them in the document's order and
 * equally tall. A lane is laid out with an invisible way in and out, whose edges then continue to fork and join.
 */
import type { ELK } from "elkjs/lib/elk-api";
import { type Point, shifted, simplified } from "./drawing";
import { type Box, type Flow, layOutFlow, type RoutedEdge } from "./flowLayout";
import type { GraphEdge, GraphNode, NodeKind, WorkflowGraph } from "./graph";

export interface Layout {
  /** Positions relative to the parent's box. */
  nodes: Map<string, Box>;
  /** Absolute points. */
  edges: Map<string, RoutedEdge>;
  width: number;
  height: number;
}

const SIZES: Record<NodeKind, [number, number]> = {
  start: [72, 30],
  end: [72, 30],
  catch: [132, 30],
  step: [216, 58],
  missing: [180, 52],
  fork: [12, 12],
  join: [164, 26],
  group: [0, 0],
  lane: [0, 0],
};

const GROUP = { head: 52, side: 16, bottom: 16, laneGap: 16, reach: 30 };
const LANE = { head: 34, side: 14, bottom: 14, minWidth: 160, emptyHeight: 56 };
const IN = "(in)";
const OUT = "(out)";

interface Placed {
  /** Boxes of everything inside, positions relative to their own parents. */
  nodes: Map<string, Box>;
  /** Edges relative to this part's own origin. */
  edges: Map<string, RoutedEdge>;
  width: number;
  height: number;
}

export async function layOut(elk: ELK, graph: WorkflowGraph): Promise<Layout> {
  const root = await new Placement(elk, graph).flow(null);
  return { nodes: root.nodes, edges: root.edges, width: root.width, height: root.height };
}

class Placement {
  private readonly children = new Map<string | null, GraphNode[]>();
  private readonly parent = new Map<string, string | null>();

  constructor(
    private readonly elk: ELK,
    private readonly graph: WorkflowGraph,
  ) {
    for (const node of graph.nodes) {
      this.children.set(node.parent, [...(this.children.get(node.parent) ?? []), node]);
      this.parent.set(node.id, node.parent);
    }
  }

  /** The steps of the root (null) or of one lane. */
  async flow(owner: string | null): Promise<Placed> {
    const members = this.children.get(owner) ?? [];
    const groups = new Map<string, Placed>();
    for (const node of members) if (node.kind === "group") groups.set(node.id, await this.group(node));
    const sized = members.map((node) => {
      const [width, height] = SIZES[node.kind];
      return { id: node.id, width: groups.get(node.id)?.width ?? width, height: groups.get(node.id)?.height ?? height };
    });
    const inner = this.edgesWithin(owner);
    if (owner !== null) sized.unshift({ id: IN, width: 1, height: 1 });
    if (owner !== null) sized.push({ id: OUT, width: 1, height: 1 });
    return this.assemble(await layOutFlow(this.elk, sized, inner), groups, owner);
  }

  /** Edges between members of one level; a lane's edges from the fork and to the join begin and end at its way in and out. */
  private edgesWithin(owner: string | null): GraphEdge[] {
    const group = owner === null ? null : this.parent.get(owner);
    return this.graph.edges.flatMap((edge) => {
      const from = this.parent.get(edge.source) === owner ? edge.source : null;
      const to = this.parent.get(edge.target) === owner ? edge.target : null;
      if (from && to) return [edge];
      if (to && edge.source === `${group}/fork`) return [{ ...edge, source: IN }];
      if (from && edge.target === `${group}/join`) return [{ ...edge, target: OUT }];
      return [];
    });
  }

  private assemble(flow: Flow, groups: Map<string, Placed>, owner: string | null): Placed {
    const nodes = new Map<string, Box>();
    const edges = new Map<string, RoutedEdge>();
    for (const [id, box] of flow.boxes) if (id !== IN && id !== OUT) nodes.set(id, box);
    for (const [id, edge] of flow.edges) edges.set(id, edge);
    for (const [id, inner] of groups) {
      for (const [name, box] of inner.nodes) nodes.set(name, box);
      const at = flow.boxes.get(id) as Box;
      for (const [name, edge] of inner.edges) edges.set(name, moved(edge, at));
    }
    const empty = owner !== null && nodes.size === 0;
    return { nodes, edges, width: empty ? 0 : flow.width, height: empty ? 0 : flow.height };
  }

  private async group(group: GraphNode): Promise<Placed> {
    const members = this.children.get(group.id) ?? [];
    const lanes = members.filter((node) => node.kind === "lane");
    const flows = await Promise.all(lanes.map((lane) => this.flow(lane.id)));
    const nodes = new Map<string, Box>();
    const edges = new Map<string, RoutedEdge>();
    const widths = flows.map((flow) => Math.max(LANE.minWidth, flow.width + 2 * LANE.side));
    const laneHeight =
      LANE.head + LANE.bottom + Math.max(LANE.emptyHeight - LANE.head, ...flows.map((flow) => flow.height));
    const [joinWidth, joinHeight] = SIZES.join;
    const [forkWidth, forkHeight] = SIZES.fork;
    const inside = Math.max(joinWidth, sum(widths) + GROUP.laneGap * (lanes.length - 1));
    const width = inside + 2 * GROUP.side;
    const laneTop = GROUP.head + forkHeight + GROUP.reach;
    const joinTop = laneTop + laneHeight + GROUP.reach;
    const fork = {
      id: `${group.id}/fork`,
      x: (width - forkWidth) / 2,
      y: GROUP.head,
      width: forkWidth,
      height: forkHeight,
    };
    const join = {
      id: `${group.id}/join`,
      x: (width - joinWidth) / 2,
      y: joinTop,
      width: joinWidth,
      height: joinHeight,
    };
    nodes.set(fork.id, fork).set(join.id, join);

    let x = (width - sum(widths) - GROUP.laneGap * (lanes.length - 1)) / 2;
    lanes.forEach((lane, index) => {
      const flow = flows[index] as Placed;
      const laneWidth = widths[index] as number;
      const inset = { x: (laneWidth - flow.width) / 2, y: LANE.head };
      nodes.set(lane.id, { id: lane.id, x, y: laneTop, width: laneWidth, height: laneHeight });
      for (const [id, box] of flow.nodes) {
        nodes.set(id, this.parent.get(id) === lane.id ? { ...box, x: box.x + inset.x, y: box.y + inset.y } : box);
      }
      const origin = { x: x + inset.x, y: laneTop + inset.y };
      for (const [id, edge] of flow.edges) edges.set(id, this.reaching(id, moved(edge, origin), fork, join));
      x += laneWidth + GROUP.laneGap;
    });
    this.connectEmptyLanes(group, fork, join, edges);
    return { nodes, edges, width, height: joinTop + joinHeight + GROUP.bottom };
  }

  /** Continues the edges of a lane's way in and out to the fork and the join. */
  private reaching(id: string, edge: RoutedEdge, fork: Box, join: Box): RoutedEdge {
    const known = this.graph.edges.find((each) => each.id === id);
    let { points } = edge;
    if (known?.source === fork.id) {
      const first = points[0] as Point;
      const from = { x: fork.x + fork.width / 2, y: fork.y + fork.height };
      const bus = from.y + GROUP.reach / 2;
      points = [from, { x: from.x, y: bus }, { x: first.x, y: bus }, ...points];
    }
    if (known?.target === join.id) {
      const last = points.at(-1) as Point;
      const to = { x: join.x + join.width / 2, y: join.y };
      const bus = to.y - GROUP.reach / 2;
      points = [...points, { x: last.x, y: bus }, { x: to.x, y: bus }, to];
    }
    return { ...edge, points: simplified(points) };
  }

  private connectEmptyLanes(group: GraphNode, fork: Box, join: Box, edges: Map<string, RoutedEdge>): void {
    for (const edge of this.graph.edges) {
      if (edge.source !== `${group.id}/fork` || edge.target !== join.id) continue;
      const x = fork.x + fork.width / 2;
      edges.set(edge.id, {
        points: [
          { x, y: fork.y + fork.height },
          { x, y: join.y },
        ],
        label: null,
      });
    }
  }
}

function moved(edge: RoutedEdge, by: Point): RoutedEdge {
  const label = edge.label ? { x: edge.label.x + by.x, y: edge.label.y + by.y } : null;
  return { points: shifted(edge.points, by), label };
}

function sum(values: number[]): number {
  return values.reduce((total, each) => total + each, 0);
}
