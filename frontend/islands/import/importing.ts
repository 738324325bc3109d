/** What the import page holds about each file, and the pure steps between. */
import type { Json, Violation } from "@/lib/documents";
import { parsePointer } from "@/lib/pointer";

export interface PatchStep {
  op: "add" | "replace" | "remove" | "move";
  path: string;
  value?: Json;
  from?: string;
}

export interface Finding extends Violation {
  choices?: { label: string; fix: PatchStep[] }[];
  fix?: PatchStep[] | null;
}

export interface Change {
  pointer: string;
  from: Json;
  to: Json;
  message: string;
}

/** One document as `POST bundles/convert` answers it. */
export interface Converted {
  source: string;
  kind: string | null;
  id: string | null;
  version: string | null;
  valid: boolean;
  kept: boolean;
  done: string | null;
  document: Json;
  changes: Change[];
  violations: Finding[];
}

export interface Entry extends Converted {
  key: string;
  included: boolean;
  /** The text as it came, where it is no JSON. */
  text: string | null;
}

export type Standing = "ready" | "unchanged" | "open" | "unkept" | "unreadable";

export function standing(entry: Entry): Standing {
  if (entry.document === null) return "unreadable";
  if (!entry.valid || !entry.kind) return "open";
  if (!entry.kept) return "unkept";
  return entry.done === "unchanged" ? "unchanged" : "ready";
}

/** What is sent to be converted again: the document as it stands, or the text where there is none yet. */
export function asFile(entry: Entry): { name: string; text: string } {
  return { name: entry.source, text: entry.text ?? JSON.stringify(entry.document) };
}

/** The answers put into the entries they belong to; what was converted before stays listed. */
export function merged(before: Entry[], results: Converted[]): Entry[] {
  return results.map((result, index) => {
    const entry = before[index];
    const entryText = result.document === null ? (entry?.text ?? null) : null;
    const changes = [...(entry?.changes ?? []), ...result.changes];
    const fresh = { ...result, key: entry?.key ?? crypto.randomUUID(), changes, text: entryText };
    return { ...fresh, included: result.kept || !result.kind ? (entry?.included ?? true) : false };
  });
}

/** The document with a JSON Patch applied; the document itself stays as it is. */
export function patched(document: Json, steps: PatchStep[]): Json {
  let done = structuredClone(document);
  for (const step of steps) {
    let value = step.value;
    if (step.op === "move" && step.from !== undefined) {
      value = taken(done, step.from);
    }
    if (step.op === "remove") taken(done, step.path);
    else if (step.path === "") done = value ?? null;
    else put(done, step.path, value ?? null, step.op === "add");
  }
  return done;
}

function holder(document: Json, pointer: string): [Json[] | { [key: string]: Json }, string] {
  const tokens = parsePointer(pointer);
  const last = tokens.pop() as string;
  let value: Json = document;
  for (const token of tokens) {
    if (typeof value !== "object" || value === null) throw new Error(`There is no ${pointer}.`);
    value = (value as { [key: string]: Json })[token] ?? null;
  }
  if (typeof value !== "object" || value === null) throw new Error(`There is no ${pointer}.`);
  return [value, last];
}

function taken(document: Json, pointer: string): Json {
  const [parent, last] = holder(document, pointer);
  if (Array.isArray(parent)) return parent.splice(Number(last), 1)[0] ?? null;
  const value = parent[last] ?? null;
  delete parent[last];
  return value;
}

function put(document: Json, pointer: string, value: Json, insert: boolean): void {
  const [parent, last] = holder(document, pointer);
  if (!Array.isArray(parent))
    Object.defineProperty(parent, last, { value, enumerable: true, configurable: true, writable: true });
  else if (last === "-") parent.push(value);
  else if (insert) parent.splice(Number(last), 0, value);
  else parent[Number(last)] = value;
}

/** A name or a value, short enough for a line. */
export function shown(value: Json): string {
  if (value === null) return "nothing";
  if (typeof value === "string") return value;
  return JSON.stringify(value);
}
