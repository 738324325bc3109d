import { useMemo, useState } from "react";
import type { JsonSchema, Violation } from "@/lib/documents";
import { check } from "@/lib/validation";

interface JsonEditorProps {
  value: unknown;
  schema: JsonSchema;
  onChange: (value: unknown) => void;
  onBroken: (broken: boolean) => void;
  serverViolations: Violation[];
  label?: string;
}

/** Data as text; says where it is no JSON, and what in it the schema refuses. */
export function JsonEditor(props: JsonEditorProps) {
  const { value, schema, onChange, onBroken, serverViolations, label = "Input as JSON" } = props;
  const [text, setText] = useState(() => JSON.stringify(value ?? {}, null, 2));
  const [flaw, setFlaw] = useState("");
  const found = useMemo(
    () => (flaw ? [] : [...check(schema, value), ...serverViolations]),
    [schema, value, flaw, serverViolations],
  );

  const change = (next: string) => {
    setText(next);
    try {
      onChange(JSON.parse(next));
      setFlaw("");
      onBroken(false);
    } catch (error) {
      setFlaw(error instanceof Error ? error.message : "This is no JSON.");
      onBroken(true);
    }
  };

  return (
    <div className="grid gap-2">
      <textarea
        className="text-field mono text-xs"
        rows={Math.min(20, Math.max(5, text.split("\n").length + 1))}
        spellCheck={false}
        aria-label={label}
        aria-invalid={Boolean(flaw) || undefined}
        value={text}
        onChange={(event) => change(event.target.value)}
      />
      {flaw && (
        <p className="field-error" role="alert">
          {flaw}
        </p>
      )}
      {found.length > 0 && (
        <ul className="grid gap-1">
          {found.map((each) => (
            <li key={each.pointer + each.message} className="field-error">
              <code>{each.pointer || "/"}</code> {each.message}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
