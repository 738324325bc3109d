/** Points, paths and labels of drawn edges. */

export interface Point {
  x: number;
  y: number;
}

export const LABEL_MAX = 26;
const LABEL_CHAR = 6.1;

export function edgeLabel(text: string): string {
  return text.length > LABEL_MAX ? `${text.slice(0, LABEL_MAX - 1)}…` : text;
}

/** Room that a label takes, in pixels. */
export function labelSize(text: string): { width: number; height: number } {
  return { width: edgeLabel(text).length * LABEL_CHAR + 14, height: 20 };
}

export function shifted(points: Point[], by: Point): Point[] {
  return points.map(({ x, y }) => ({ x: x + by.x, y: y + by.y }));
}

/** The same line without points that lie on the way between their neighbours. */
export function simplified(points: Point[]): Point[] {
  return points.filter((point, index) => {
    const before = points[index - 1];
    const after = points[index + 1];
    if (!before || !after) return true;
    const vertical = near(before.x, point.x) && near(point.x, after.x);
    const horizontal = near(before.y, point.y) && near(point.y, after.y);
    return !vertical && !horizontal;
  });
}

function near(one: number, other: number): boolean {
  return Math.abs(one - other) < 0.5;
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
