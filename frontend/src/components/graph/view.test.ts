import { describe, expect, it } from "vitest";
import { centreOf, initialView } from "./view";

describe("the first view of a graph", () => {
  it("shows all of a small one, in the middle", () => {
    expect(initialView({ width: 200, height: 100 }, 400, 300)).toEqual({ x: 100, y: 100, zoom: 1 });
  });

  it("shows the top of a long one at a readable size", () => {
    expect(initialView({ width: 300, height: 4000 }, 400, 600)).toMatchObject({ y: 16, zoom: 0.62 });
  });

  it("goes to where the run stands, but not beyond the end", () => {
    const long = { width: 300, height: 4000 };
    expect(initialView(long, 400, 600, { x: 150, y: 2000 }).y).toBeCloseTo(300 - 2000 * 0.62);
    expect(initialView(long, 400, 600, { x: 150, y: 3990 }).y).toBeCloseTo(600 - 4000 * 0.62 - 16);
    expect(initialView(long, 400, 600, { x: 150, y: 100 }).y).toBe(16);
  });

  it("finds the centre of a node inside others", () => {
    const box = (id: string, x: number, y: number) => [id, { id, x, y, width: 10, height: 20 }] as const;
    const nodes = [
      { id: "group", parent: null },
      { id: "step", parent: "group" },
    ];
    const layout = { nodes: new Map([box("group", 100, 200), box("step", 5, 7)]) };
    expect(centreOf(nodes as never, layout, "step")).toEqual({ x: 110, y: 217 });
    expect(centreOf(nodes as never, layout, "none")).toBeNull();
  });
});
