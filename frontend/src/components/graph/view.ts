import type { Viewport } from "@xyflow/react";
import type { Point } from "@/lib/drawing";
import type { GraphNode } from "@/lib/graph";
import type { Layout } from "@/lib/layout";

const MARGIN = 16;
const READABLE = 0.62;
const SMALLEST = 0.3;

/**
 * The whole graph if it stays readable; otherwise as wide as it fits, from its top, or moved so far that `focus` (where
 * the run stands) is in the middle.
 */
export function initialView(
  layout: Pick<Layout, "width" | "height">,
  width: number,
  height: number,
  focus: Point | null = null,
): Viewport {
  const byWidth = (width - 2 * MARGIN) / layout.width;
  const fits = Math.min(byWidth, (height - 2 * MARGIN) / layout.height);
  const zoom = Math.min(1, fits >= READABLE ? fits : Math.max(Math.min(byWidth, READABLE), SMALLEST));
  return {
    x: along(layout.width * zoom, width, focus && focus.x * zoom),
    y: along(layout.height * zoom, height, focus && focus.y * zoom),
    zoom,
  };
}

/** Where to put something of that size in a frame: in the middle if there is room, else with `focus` in sight. */
function along(size: number, frame: number, focus: number | null): number {
  if (size + 2 * MARGIN <= frame) return (frame - size) / 2;
  if (focus === null || focus < frame - 4 * MARGIN) return MARGIN;
  return Math.max(frame - size - MARGIN, frame / 2 - focus);
}

/** The absolute centre of a node's box. */
export function centreOf(nodes: GraphNode[], layout: Pick<Layout, "nodes">, id: string): Point | null {
  const parents = new Map(nodes.map((node) => [node.id, node.parent]));
  const box = layout.nodes.get(id);
  if (!box) return null;
  let [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  for (let parent = parents.get(id); parent; parent = parents.get(parent)) {
    const outer = layout.nodes.get(parent);
    x += outer?.x ?? 0;
    y += outer?.y ?? 0;
  }
  return { x, y };
}
