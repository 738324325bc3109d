import type { Viewport } from "@xyflow/react";
import type { Layout } from "@/lib/layout";

const MARGIN = 16;
const READABLE = 0.62;

/** The whole graph if it stays readable; otherwise its top, as wide as it fits. */
export function initialView(layout: Pick<Layout, "width" | "height">, width: number, height: number): Viewport {
  const fits = Math.min((width - 2 * MARGIN) / layout.width, (height - 2 * MARGIN) / layout.height);
  const byWidth = (width - 2 * MARGIN) / layout.width;
  const zoom = Math.min(1, fits >= READABLE ? fits : Math.max(Math.min(byWidth, READABLE), 0.3));
  const x = Math.max(MARGIN, (width - layout.width * zoom) / 2);
  const spare = height - layout.height * zoom;
  return { x: layout.width * zoom > width ? MARGIN : x, y: spare > 2 * MARGIN ? spare / 2 : MARGIN, zoom };
}
