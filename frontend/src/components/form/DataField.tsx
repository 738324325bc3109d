/** Data to be filled in: as a form made of its schema, or as JSON; one can change between the two. */
import { type Ref, useImperativeHandle, useRef, useState } from "react";
import type { JsonSchema, Violation } from "@/lib/documents";
import { check } from "@/lib/validation";
import { JsonEditor } from "./JsonEditor";
import { SchemaForm, type SchemaFormHandle } from "./SchemaForm";

export interface DataFieldHandle {
  /** Shows every problem; the data when there is none. */
  submit: () => { valid: true; data: unknown } | { valid: false };
}

interface DataFieldProps {
  /** null: anything goes, so there is only JSON. */
  schema: JsonSchema | null;
  value: unknown;
  onChange: (value: unknown) => void;
  onBroken?: (broken: boolean) => void;
  serverViolations?: Violation[];
  disabled?: boolean;
  idPrefix: string;
  /** What the JSON is called to those who do not see it. */
  label: string;
  /** Said instead of a form where the schema has no fields. */
  nothingToFillIn?: string;
  /** Offered to be filled in, where the schema's author gave no example. */
  example?: unknown;
  /** Without: the schema's defaults are not filled in. */
  defaults?: boolean;
  ref?: Ref<DataFieldHandle>;
}

const FREE: JsonSchema = {};
const NONE: Violation[] = [];

export function DataField(props: DataFieldProps) {
  const { value, onChange, onBroken, serverViolations = NONE, disabled, idPrefix, label, nothingToFillIn, ref } = props;
  const schema = props.schema ?? FREE;
  const hasFields = Object.keys((schema.properties as object | undefined) ?? {}).length > 0;
  const hasForm = hasFields || (nothingToFillIn !== undefined && (props.schema === null || schema.type === "object"));
  const example = Array.isArray(schema.examples) ? schema.examples[0] : props.example;
  // null: the reader has not said. Who types JSON while the schema is still on its way stays with JSON.
  const [json, setJson] = useState<boolean | null>(null);
  const [broken, setBroken] = useState(false);
  // A new editor for a value that was not typed into it.
  const [filled, setFilled] = useState(0);
  const form = useRef<SchemaFormHandle>(null);
  const asJson = json === true || !hasForm;

  useImperativeHandle(ref, () => ({
    submit() {
      if (!asJson) return form.current?.submit() ?? { valid: false };
      return broken || check(schema, value).length > 0 ? { valid: false } : { valid: true, data: value };
    },
  }));

  return (
    <div className="grid gap-3">
      {(hasForm || example !== undefined) && (
        <div className="flex items-center gap-2">
          {hasForm && (
            <div className="theme-switch" role="group" aria-label="How to fill in">
              {[false, true].map((mode) => (
                <button
                  key={String(mode)}
                  type="button"
                  className="px-2! w-auto! text-xs"
                  aria-pressed={asJson === mode}
                  disabled={broken && !mode}
                  onClick={() => setJson(mode)}
                >
                  {mode ? "JSON" : "Form"}
                </button>
              ))}
            </div>
          )}
          {example !== undefined && (
            <button
              type="button"
              className="btn btn-ghost btn-xs ml-auto"
              onClick={() => {
                onChange(structuredClone(example));
                setFilled((count) => count + 1);
              }}
            >
              {Array.isArray(schema.examples) ? "Fill in the example" : "Fill in an example"}
            </button>
          )}
        </div>
      )}
      {asJson ? (
        <JsonEditor
          key={filled}
          value={value}
          schema={schema}
          onChange={(next) => {
            setJson(true);
            onChange(next);
          }}
          onBroken={(now) => {
            setJson(true);
            setBroken(now);
            onBroken?.(now);
          }}
          serverViolations={serverViolations}
          label={label}
        />
      ) : (
        <>
          {!hasFields && <p className="text-muted">{nothingToFillIn}</p>}
          <SchemaForm
            ref={form}
            schema={hasFields ? schema : { type: "object", ...schema }}
            value={value}
            onChange={onChange}
            serverViolations={serverViolations}
            disabled={disabled}
            idPrefix={idPrefix}
            defaults={props.defaults}
          />
        </>
      )}
    </div>
  );
}
