/** One row for each field that the workflow asks for, each with the expression that fills it. */
import type { Violation } from "@/lib/documents";
import { below, toPointer } from "@/lib/pointer";
import { byName, type InputField, read, shown } from "./mapping";

export interface InputRowsProps {
  fields: InputField[];
  mapping: Record<string, unknown>;
  /** Of the event that it is tried on. */
  payload: unknown;
  paths: string[];
  problems: Violation[];
  onChange: (mapping: Record<string, unknown>) => void;
}

export function InputRows({ fields, mapping, payload, paths, problems, onChange }: InputRowsProps) {
  const put = (name: string, value: unknown) => {
    const next = { ...mapping, [name]: value };
    if (value === undefined) delete next[name];
    onChange(next);
  };
  const guessed = byName(fields, payload, mapping);
  const more = Object.keys(guessed).length > Object.keys(mapping).length;
  return (
    <div className="grid gap-3">
      {fields.map((field) => {
        const problem = problems.find(
          (each) =>
            isMissing(each, field.name) || below(each.pointer, `/inputMapping${toPointer([field.name])}`) !== null,
        );
        return (
          <label key={field.name} className="grid gap-1">
            <span className="field-label">
              {field.title} {!field.required && <span className="optional">optional</span>}
            </span>
            <input
              className="text-field mono text-xs"
              list="input-paths"
              spellCheck={false}
              autoComplete="off"
              placeholder={`\${event.payload.${field.name}}`}
              value={shown(mapping[field.name])}
              onChange={(event) => put(field.name, read(event.target.value, field.type))}
            />
            {problem ? (
              <span className={problem.severity === "error" ? "field-error" : "field-hint"}>
                {isMissing(problem, field.name)
                  ? "The workflow needs this."
                  : `${problem.message} ${problem.hint ?? ""}`}
              </span>
            ) : (
              field.description && <span className="field-hint">{field.description}</span>
            )}
          </label>
        );
      })}
      <datalist id="input-paths">
        {[...paths, "event.eventId", "event.timestamp", "event.metadata.correlationId"].map((each) => (
          <option key={each} value={`\${${each}}`} />
        ))}
      </datalist>
      {more && (
        <button type="button" className="btn btn-quiet btn-xs w-fit" onClick={() => onChange(guessed)}>
          Fill in what is called the same
        </button>
      )}
    </div>
  );
}

/** That the mapping lacks a field, which is said at its row. */
export function isMissing(problem: Violation, name: string): boolean {
  return problem.code === "required" && problem.pointer === "/inputMapping" && problem.expected === name;
}
