// @vitest-environment node
import ELK from "elkjs/lib/elk.bundled.js";
import { describe, expect, it } from "vitest";
import { buildGraph } from "./graph";
import { edgeLabel, roundedPath, simplified } from "./drawing";
import { layOut } from "./layout";

const graph = buildGraph({
  workflowId: "w",
  steps: [
    {
      stepId: "p",
      type: "PARALLEL",
      branches: [
        { name: "left", steps: [{ stepId: "l1", next: "l2" }, { stepId: "l2" }] },
        { name: "right", steps: [{ stepId: "r" }] },
      ],
      next: "after",
    },
    { stepId: "after", transitions: { yes: "p", default: "done" } },
    { stepId: "done", type: "END" },
  ],
});

describe("the layout", () => {
  it("places every node, children inside their parents, and routes every edge", async () => {
    const layout = await layOut(new ELK(), graph);
    expect([...layout.nodes.keys()].sort()).toEqual(graph.nodes.map((node) => node.id).sort());
    for (const edge of graph.edges) expect(layout.edges.get(edge.id)?.points.length).toBeGreaterThan(1);
    for (const node of graph.nodes) {
      const box = layout.nodes.get(node.id)!;
      const parent = node.parent && layout.nodes.get(node.parent);
      if (parent) {
        expect(box.x + box.width).toBeLessThanOrEqual(parent.width);
        expect(box.y + box.height).toBeLessThanOrEqual(parent.height);
      }
    }
  });

  it("runs from top to bottom", async () => {
    const { nodes } = await layOut(new ELK(), graph);
    expect(nodes.get("after")!.y).toBeGreaterThan(nodes.get("p")!.y + nodes.get("p")!.height);
  });

  it("keeps the document's order of branches, between fork and join", async () => {
    const { nodes } = await layOut(new ELK(), graph);
    const [left, right, fork, join] = ["p/lane/0", "p/lane/1", "p/fork", "p/join"].map((id) => nodes.get(id)!);
    expect(left!.x + left!.width).toBeLessThan(right!.x);
    expect(left!.height).toBe(right!.height);
    expect(fork!.y + fork!.height).toBeLessThan(left!.y);
    expect(left!.y + left!.height).toBeLessThan(join!.y);
  });

  it("leads from the last step of a lane to the join", async () => {
    const { nodes, edges } = await layOut(new ELK(), graph);
    const edge = graph.edges.find((each) => each.source === "l2" && each.target === "p/join")!;
    const group = nodes.get("p")!;
    const join = nodes.get("p/join")!;
    const end = edges.get(edge.id)!.points.at(-1)!;
    expect(end).toEqual({ x: group.x + join.x + join.width / 2, y: group.y + join.y });
  });

  it("ends edges inside lanes in absolute coordinates", async () => {
    const layout = await layOut(new ELK(), graph);
    const [group, lane, step] = ["p", "p/lane/1", "r"].map((id) => layout.nodes.get(id)!);
    const edge = graph.edges.find((each) => each.target === "r")!;
    const end = layout.edges.get(edge.id)!.points.at(-1)!;
    expect(end.y).toBeCloseTo(group!.y + lane!.y + step!.y, 0);
  });
});

describe("drawing", () => {
  it("rounds corners but keeps the ends", () => {
    const path = roundedPath([
      { x: 0, y: 0 },
      { x: 0, y: 20 },
      { x: 20, y: 20 },
    ]);
    expect(path).toBe("M0,0 L0,12 Q0,20 8,20 L20,20");
  });

  it("leaves out points on a straight line", () => {
    const line = [0, 10, 10, 30].map((y, index) => ({ x: index < 2 ? 0 : 5, y }));
    expect(simplified([{ x: 0, y: -5 }, ...line])).toHaveLength(4);
  });

  it("cuts long labels", () => {
    expect(edgeLabel("x".repeat(40))).toHaveLength(26);
  });
});
