/** Events to try triggers with, and which of them a pattern asks for. */

export interface Sample {
  label: string;
  event: { pattern: string; payload: unknown; metadata?: unknown; source?: unknown; eventId?: string };
}

export interface SampleProps {
  /** What events are defined, each with its examples. */
  events: { pattern: string; name: string; examples: unknown[] }[];
  /** What was recorded lately, the newest first. */
  recent: { eventId: string; pattern: string; at: string; payload: unknown; metadata: unknown; source: unknown }[];
}

/** Whether an event of this name is one that the pattern asks for: `*` is one word, `**` any number. */
export function fits(pattern: string, name: string): boolean {
  const given = name.split(".");
  let reach = new Set([0]);
  for (const segment of pattern.split(".")) {
    const next = new Set<number>();
    for (const at of reach) {
      if (segment === "**") for (let to = at; to <= given.length; to += 1) next.add(to);
      else if (at < given.length && (segment === "*" || segment === given[at])) next.add(at + 1);
    }
    reach = next;
  }
  return reach.has(given.length);
}

/** Recorded events first, then the examples of definitions; with a pattern only those that it asks for. */
export function samplesOf({ events, recent }: SampleProps, pattern?: string): Sample[] {
  const recorded = recent.map((each) => ({
    label: `${each.pattern}, recorded ${each.at.slice(0, 16).replace("T", " ")} UTC`,
    event: {
      pattern: each.pattern,
      payload: each.payload,
      metadata: each.metadata,
      source: each.source,
      eventId: each.eventId,
    },
  }));
  const examples = events.flatMap((each) =>
    each.examples.map((payload, index) => ({
      label: `${each.pattern}, example${each.examples.length > 1 ? ` ${index + 1}` : ""}`,
      event: { pattern: each.pattern, payload },
    })),
  );
  const all = [...recorded, ...examples];
  return pattern === undefined ? all : all.filter((each) => fits(pattern, each.event.pattern));
}

/** Names that a pattern field may suggest: those of definitions and of what came lately. */
export function namesOf({ events, recent }: SampleProps): string[] {
  return [...new Set([...events.map((each) => each.pattern), ...recent.map((each) => each.pattern)])].sort();
}

/** Every path into a payload, as an expression reads it. Lists are left whole. */
export function pathsOf(payload: unknown, root = "event.payload", depth = 4): string[] {
  if (payload === null || typeof payload !== "object" || Array.isArray(payload) || depth === 0) return [root];
  const inner = Object.entries(payload).flatMap(([key, value]) =>
    pathsOf(value, /^[A-Za-z_]\w*$/.test(key) ? `${root}.${key}` : `${root}[${JSON.stringify(key)}]`, depth - 1),
  );
  return [root, ...inner];
}
