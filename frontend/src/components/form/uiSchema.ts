/** How a schema's fields are shown: hints that stand in the schema itself become rjsf's uiSchema. */
import type { UiSchema } from "@rjsf/utils";
import type { JsonSchema } from "@/lib/documents";

const LONG_TEXT = 160;
const FEW_CHOICES = 4;

export function uiSchemaFor(schema: JsonSchema): UiSchema {
  const result: UiSchema = { ...hints(schema), ...order(schema) };
  for (const [name, property] of Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>)) {
    if (typeof property === "object") result[name] = uiSchemaFor(property);
  }
  if (typeof schema.items === "object" && !Array.isArray(schema.items)) {
    result.items = uiSchemaFor(schema.items as JsonSchema);
  }
  return result;
}

/**
 * Fields in the order of `required`, then the others: documents come out of a store that does not keep the order of an
 * object's keys, but does keep lists. `ui:order` in the schema says it outright.
 */
function order(schema: JsonSchema): UiSchema {
  const properties = Object.keys((schema.properties as object | undefined) ?? {});
  const wanted = (Array.isArray(schema["ui:order"]) ? schema["ui:order"] : (schema.required ?? [])) as string[];
  const known = wanted.filter((name) => properties.includes(name));
  return known.length > 0 ? { "ui:order": [...known, "*"] } : {};
}

function hints(schema: JsonSchema): UiSchema {
  const longText =
    schema.type === "string" &&
    !schema.enum &&
    !schema.format &&
    (schema.contentMediaType === "text/plain" ||
      (typeof schema.maxLength === "number" && schema.maxLength > LONG_TEXT) ||
      schema["x-widget"] === "textarea");
  if (longText) return { "ui:widget": "textarea", "ui:options": { rows: 4 } };
  const choices = schema.enum as unknown[] | undefined;
  if (
    schema.type === "string" &&
    choices &&
    choices.length <= FEW_CHOICES &&
    choices.every((each) => String(each).length < 24)
  ) {
    return { "ui:widget": "radio", "ui:options": { inline: true } };
  }
  return {};
}
