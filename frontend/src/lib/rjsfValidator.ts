/** rjsf's validator interface over `validation.ts`: interpreting, draft 2020-12, no generated code. */
import {
  ErrorSchemaBuilder,
  type ErrorSchema,
  type RJSFSchema,
  type RJSFValidationError,
  type ValidationData,
  type ValidatorType,
} from "@rjsf/utils";
import type { JsonSchema, Violation } from "./documents";
import { parsePointer } from "./pointer";
import { check, fits } from "./validation";

const combined = new WeakMap<object, WeakMap<object, JsonSchema>>();

/** A part of a schema together with the root's definitions, so that its references still lead somewhere. */
function withDefinitions(schema: JsonSchema, root: JsonSchema): JsonSchema {
  if (schema === root || (!root.$defs && !root.definitions)) return schema;
  const ofRoot = combined.get(root) ?? new WeakMap<object, JsonSchema>();
  combined.set(root, ofRoot);
  let whole = ofRoot.get(schema);
  if (!whole) {
    whole = { $defs: root.$defs, definitions: root.definitions, ...schema };
    ofRoot.set(schema, whole);
  }
  return whole;
}

/** Findings as the tree that rjsf hands down to its fields. */
export function toErrorTree(violations: Violation[]): ErrorSchema {
  const builder = new ErrorSchemaBuilder();
  for (const violation of violations) {
    const text = violation.hint ? `${violation.message} ${violation.hint}` : violation.message;
    builder.addErrors(text, parsePointer(violation.pointer));
  }
  return builder.ErrorSchema;
}

function toRjsf(violation: Violation): RJSFValidationError {
  const property = `.${parsePointer(violation.pointer).join(".")}`;
  return { name: violation.code, property, message: violation.message, stack: `${property} ${violation.message}` };
}

export const validator: ValidatorType = {
  validateFormData(data: unknown, schema: RJSFSchema): ValidationData<unknown> {
    const violations = check(schema as JsonSchema, withoutUndefined(data));
    return { errors: violations.map(toRjsf), errorSchema: toErrorTree(violations) };
  },
  isValid(schema: RJSFSchema, data: unknown, root: RJSFSchema): boolean {
    try {
      return fits(withDefinitions(schema as JsonSchema, root as JsonSchema), withoutUndefined(data));
    } catch {
      return false;
    }
  },
  rawValidation<Result>(schema: RJSFSchema, data?: unknown) {
    return { errors: check(schema as JsonSchema, withoutUndefined(data)) as Result[] };
  },
} as ValidatorType;

/** What JSON would make of the data: absent keys instead of undefined values. */
export function withoutUndefined(data: unknown): unknown {
  return data === undefined ? undefined : JSON.parse(JSON.stringify(data));
}
