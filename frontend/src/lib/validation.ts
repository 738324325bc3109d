/**
 * JSON Schema draft 2020-12 in the browser, in words for people.
 *
 * Interprets schemas (never compiles them to code: the content security policy forbids that). The server decides with the
 * same schema; this only says it sooner.
 */
import { type OutputUnit, type Schema, Validator } from "@cfworker/json-schema";
import type { JsonSchema, Violation } from "./documents";
import { at, parsePointer, toPointer } from "./pointer";

const validators = new WeakMap<object, Validator>();

function validatorFor(schema: JsonSchema): Validator {
  let found = validators.get(schema);
  if (!found) {
    found = new Validator(schema as Schema, "2020-12", false);
    validators.set(schema, found);
  }
  return found;
}

/** Applicators report that something below them failed; what failed below is reported by itself. */
const WRAPPERS = new Set([
  "properties", "patternProperties", "additionalProperties", "items", "prefixItems", "allOf", "$ref", "$dynamicRef",
  "if", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems", "propertyNames",
]); // prettier-ignore

/** Every problem of the data. Throws when the schema itself cannot be read (a broken `$ref`). */
export function check(schema: JsonSchema, data: unknown): Violation[] {
  const { valid, errors } = validatorFor(schema).validate(data);
  if (valid) return [];
  const found = new Map<string, Violation>();
  for (const unit of leaves(errors)) {
    const violation = explain(schema, data, unit);
    const key = `${violation.pointer}\n${violation.code}`;
    if (!found.has(key)) found.set(key, violation);
  }
  return [...found.values()];
}

export function fits(schema: JsonSchema, data: unknown): boolean {
  return validatorFor(schema).validate(data).valid;
}

/** Alternatives (anyOf, oneOf, not) are reported as a whole, without what each of them would have wanted. */
function leaves(errors: OutputUnit[]): OutputUnit[] {
  const alternatives = errors.filter((unit) => ["anyOf", "oneOf", "not"].includes(unit.keyword));
  const inside = (unit: OutputUnit) =>
    alternatives.some((whole) => unit !== whole && unit.keywordLocation.startsWith(`${whole.keywordLocation}/`));
  const kept = errors.filter((unit) => !inside(unit));
  const specific = kept.filter((unit) => !WRAPPERS.has(unit.keyword));
  return specific.length > 0 ? specific : kept.slice(-1);
}

function explain(schema: JsonSchema, data: unknown, unit: OutputUnit): Violation {
  const where = parsePointer(unit.instanceLocation);
  const wanted = keywordValue(schema, unit.keywordLocation);
  if (unit.keyword === "required") {
    const missing = missingName(unit.error);
    if (missing !== null) return violation("required", toPointer([...where, missing]), "This is required.");
  }
  if (unit.keyword === "false" || unit.keyword === "additionalProperties") {
    return violation("unknown-field", toPointer(where), "This field is not expected here.");
  }
  const value = at(data, toPointer(where));
  return violation(unit.keyword, toPointer(where), sentence(unit.keyword, wanted, value, unit.error));
}

function violation(code: string, pointer: string, message: string): Violation {
  return { code, severity: "error", pointer, message };
}

/** What the schema says at a keyword's location, which runs through references. */
function keywordValue(schema: JsonSchema, location: string): unknown {
  let value: unknown = schema;
  const tokens = parsePointer(location);
  tokens.forEach((token, index) => {
    if (typeof value !== "object" || value === null) return;
    value = (value as Record<string, unknown>)[token];
    const follows = (token === "$ref" || token === "$dynamicRef") && index < tokens.length - 1;
    if (follows && typeof value === "string") value = value.startsWith("#") ? at(schema, value) : undefined;
  });
  return value;
}

function missingName(error: string): string | null {
  return /required property "(.*)"\.$/s.exec(error)?.[1] ?? null;
}

const FORMATS: Record<string, string> = {
  email: "an e-mail address",
  date: "a date",
  "date-time": "a date and time",
  time: "a time",
  uri: "a web address",
  uuid: "a UUID",
  duration: "a duration like PT5M",
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
};

function sentence(keyword: string, wanted: unknown, value: unknown, fallback: string): string {
  if (wanted === undefined) return fallback;
  switch (keyword) {
    case "type":
      return value === undefined ? "This is required." : `This must be ${typeNames(wanted)}.`;
    case "enum":
      return `Choose one of ${(wanted as unknown[]).map(shown).join(", ")}.`;
    case "const":
      return `This must be ${shown(wanted)}.`;
    case "minimum":
      return `This must be at least ${wanted}.`;
    case "maximum":
      return `This must be at most ${wanted}.`;
    case "exclusiveMinimum":
      return `This must be more than ${wanted}.`;
    case "exclusiveMaximum":
      return `This must be less than ${wanted}.`;
    case "multipleOf":
      return `This must be a multiple of ${wanted}.`;
    case "minLength":
      return wanted === 1 ? "This must not be empty." : `This needs at least ${wanted} characters.`;
    case "maxLength":
      return `This may have at most ${wanted} characters.`;
    case "minItems":
      return `At least ${wanted} ${wanted === 1 ? "entry is" : "entries are"} needed.`;
    case "maxItems":
      return `At most ${wanted} ${wanted === 1 ? "entry is" : "entries are"} allowed.`;
    case "uniqueItems":
      return "Each entry may occur only once.";
    case "pattern":
      return `This does not have the expected form (${wanted}).`;
    case "format":
      return `This must be ${FORMATS[String(wanted)] ?? `a ${wanted}`}.`;
    case "anyOf":
    case "oneOf":
      return "This fits none of the allowed forms.";
    default:
      return fallback;
  }
}

function typeNames(wanted: unknown): string {
  const names: Record<string, string> = {
    string: "text", number: "a number", integer: "a whole number", boolean: "yes or no", object: "an object",
    array: "a list", null: "empty",
  }; // prettier-ignore
  return (Array.isArray(wanted) ? wanted : [wanted]).map((name) => names[String(name)] ?? String(name)).join(" or ");
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
