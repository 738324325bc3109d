/**
 * A form made from a JSON Schema, checked while typing with the rules the server decides by.
 *
 * A field shows its problems once it was left, all fields after a submit; what the server found stands at its field until
 * that field changes.
 */
// The package root also exports a test helper that wants Ajv, which compiles schemas with `new Function`.
import Form from "@rjsf/core/lib/components/Form.js";
import type { RJSFSchema, UiSchema } from "@rjsf/utils";
import { type ReactNode, useImperativeHandle, useMemo, useRef, useState, type Ref } from "react";
import type { JsonSchema, Violation } from "@/lib/documents";
import { toErrorTree, validator, withoutUndefined } from "@/lib/rjsfValidator";
import { at } from "@/lib/pointer";
import { check } from "@/lib/validation";
import type { FormState } from "./context";
import { templates } from "./templates";
import { uiSchemaFor } from "./uiSchema";
import { widgets } from "./widgets";

export interface SchemaFormHandle {
  /** Shows every problem; the data when there is none. */
  submit: () => { valid: true; data: unknown } | { valid: false };
}

export interface SchemaFormProps {
  schema: JsonSchema;
  value: unknown;
  onChange: (value: unknown) => void;
  /** What the server found, pointers relative to the data. */
  serverViolations?: Violation[];
  disabled?: boolean;
  idPrefix?: string;
  /** Without: the schema's defaults are not filled in. For data that counts as it is sent. */
  defaults?: boolean;
  onSubmit?: () => void;
  children?: ReactNode;
  ref?: Ref<SchemaFormHandle>;
}

const NONE: Violation[] = [];
const NO_DEFAULTS = { emptyObjectFields: "skipDefaults", arrayMinItems: { populate: "never" } } as const;

export function SchemaForm(props: SchemaFormProps) {
  const { schema, value, onChange, serverViolations = NONE, disabled, idPrefix = "field", children, ref } = props;
  const defaults = props.defaults ?? true;
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [showAll, setShowAll] = useState(false);
  const host = useRef<HTMLDivElement>(null);
  const uiSchema = useMemo<UiSchema>(() => uiSchemaFor(schema), [schema]);
  const answered = useMemo(() => ({ violations: serverViolations, about: value }), [serverViolations]);
  const extraErrors = useMemo(() => {
    const unchanged = answered.violations.filter((each) =>
      same(at(answered.about, each.pointer), at(value, each.pointer)),
    );
    return toErrorTree([...check(schema, withoutUndefined(value ?? {})), ...unchanged]);
  }, [schema, value, answered]);
  const shown: FormState = { touched, showAll: showAll || serverViolations.length > 0 };

  useImperativeHandle(ref, () => ({
    submit() {
      const data = withoutUndefined(value ?? {});
      setShowAll(true);
      const violations = check(schema, data);
      if (violations.length === 0) return { valid: true, data };
      requestAnimationFrame(() => focusFirstError(host.current));
      return { valid: false };
    },
  }));

  return (
    <div ref={host}>
      <Form
        className="schema-form"
        schema={schema as RJSFSchema}
        uiSchema={uiSchema}
        formData={value}
        formContext={shown}
        validator={validator}
        experimental_defaultFormStateBehavior={defaults ? undefined : NO_DEFAULTS}
        templates={templates}
        widgets={widgets}
        idPrefix={idPrefix}
        extraErrors={extraErrors}
        noValidate
        showErrorList={false}
        noHtml5Validate
        disabled={disabled}
        onChange={(event) => onChange(event.formData)}
        onBlur={(id) => setTouched((before) => (before.has(id) ? before : new Set(before).add(id)))}
        tagName="div"
      >
        {children ?? <></>}
      </Form>
    </div>
  );
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

export function focusFirstError(host: HTMLElement | null): void {
  const field = host?.querySelector<HTMLElement>(".form-field.has-error :is(input, select, textarea)");
  field?.focus();
  field?.scrollIntoView?.({ block: "center" });
}
