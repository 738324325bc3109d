/** Edges follow the route that the layout found, with rounded corners and the label where it was given room. */
import { BaseEdge, EdgeLabelRenderer, type EdgeProps } from "@xyflow/react";
import { memo } from "react";
import type { EdgeKind } from "@/lib/graph";
import { edgeLabel, type Point, roundedPath } from "@/lib/drawing";

export interface EdgeData extends Record<string, unknown> {
  points: Point[];
  labelAt: Point | null;
  text: string;
  kind: EdgeKind;
  taken: boolean;
}

const RouteEdge = memo(({ id, data, markerEnd }: EdgeProps) => {
  const { points, labelAt, text, kind, taken } = data as EdgeData;
  return (
    <>
      <BaseEdge
        id={id}
        path={roundedPath(points)}
        markerEnd={markerEnd}
        className={`route route-${kind}${taken ? " route-taken" : ""}`}
      />
      {text && labelAt && (
        <EdgeLabelRenderer>
          <span
            className={`route-label route-label-${kind}`}
            title={text}
            style={{ transform: `translate(-50%, -50%) translate(${labelAt.x}px, ${labelAt.y}px)` }}
          >
            {edgeLabel(text)}
          </span>
        </EdgeLabelRenderer>
      )}
    </>
  );
});

export const edgeTypes = { route: RouteEdge };
