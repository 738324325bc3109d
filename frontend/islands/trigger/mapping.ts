/** The input of a trigger's run: one expression for each field that the workflow asks for, or any JSON. */
import type { JsonSchema } from "@/lib/documents";
import { pathsOf } from "./samples";

export type Mode = "payload" | "fields" | "json";

export interface InputField {
  name: string;
  title: string;
  description: string;
  required: boolean;
  type: string;
}

/** The fields of a workflow's input; none where its schema names none. */
export function fieldsOf(schema: JsonSchema | null): InputField[] {
  const properties = (schema?.properties ?? {}) as Record<string, JsonSchema>;
  const required = Array.isArray(schema?.required) ? (schema.required as string[]) : [];
  return Object.entries(properties).map(([name, each]) => ({
    name,
    title: typeof each.title === "string" ? each.title : name,
    description: typeof each.description === "string" ? each.description : "",
    required: required.includes(name),
    type: typeof each.type === "string" ? each.type : "",
  }));
}

/** How a mapping can be shown at first: by fields, where it has no others. */
export function modeOf(mapping: unknown, fields: InputField[] | null): Mode {
  if (mapping === undefined || mapping === null) return "payload";
  if (typeof mapping !== "object" || Array.isArray(mapping) || fields === null) return "json";
  return Object.keys(mapping).every((key) => fields.some((each) => each.name === key)) ? "fields" : "json";
}

/** A value of the mapping in a text field, and back: a text of a field that takes no text is JSON where it can be. */
export function shown(value: unknown): string {
  return value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
}

export function read(text: string, type: string): unknown {
  if (text === "") return undefined;
  if (type === "string" || type === "" || text.includes("${")) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The mapping with what can be told by name alone: a field of the payload that is called like one of the input. */
export function byName(
  fields: InputField[],
  payload: unknown,
  before: Record<string, unknown>,
): Record<string, unknown> {
  const paths = pathsOf(payload);
  const found = { ...before };
  for (const field of fields) {
    if (found[field.name] !== undefined) continue;
    const path = paths.find(
      (each) => folded(each.split(".").at(-1) ?? "") === folded(field.name) && each.includes("payload."),
    );
    if (path) found[field.name] = `\${${path}}`;
  }
  return found;
}

function folded(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, "");
}
