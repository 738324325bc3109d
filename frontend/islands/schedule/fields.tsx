/** The fields of a schedule's form: one with its label and problem, a choice in words, a duration as number and unit. */
import { type ReactNode, useState } from "react";
import type { Violation } from "@/lib/documents";
import { UNITS, type Unit, writeDuration } from "./rule";

export function Field(props: {
  label: string;
  optional?: boolean;
  hint?: string;
  problem?: Violation;
  children: ReactNode;
}) {
  return (
    <label className="grid gap-1 content-start">
      <span className="field-label">
        {props.label} {props.optional && <span className="optional">optional</span>}
      </span>
      {props.children}
      {props.problem ? (
        <span className="field-error" role="alert">
          {props.problem.message} {props.problem.hint}
        </span>
      ) : (
        props.hint && <span className="field-hint">{props.hint}</span>
      )}
    </label>
  );
}

export function Choice(props: { value: string; options: Record<string, string>; onChange: (value: string) => void }) {
  return (
    <select className="select w-full" value={props.value} onChange={(event) => props.onChange(event.target.value)}>
      {Object.entries(props.options).map(([value, label]) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </select>
  );
}

export function Duration(props: {
  name: string;
  value: { count: number; unit: Unit };
  onChange: (text: string, count: number) => void;
}) {
  const { count, unit } = props.value;
  const [chosen, setChosen] = useState(unit);
  const shown = UNITS.find((each) => each.unit === chosen) ?? UNITS[1]!;
  const own = UNITS.find((each) => each.unit === unit) ?? shown;
  // The unit that was chosen stays, where it can say the same.
  const total = count * own.seconds;
  const number = total % shown.seconds === 0 ? total / shown.seconds : count;
  const now = total % shown.seconds === 0 ? chosen : unit;
  return (
    <span className="flex gap-2">
      <input
        type="number"
        min={0}
        step={1}
        className="text-field w-28!"
        aria-label={props.name}
        value={number}
        onChange={(event) => {
          const next = Math.max(0, Math.floor(Number(event.target.value) || 0));
          props.onChange(writeDuration(next, now), next);
        }}
      />
      <select
        className="select w-auto"
        aria-label={`${props.name}: unit`}
        value={now}
        onChange={(event) => {
          const next = event.target.value as Unit;
          setChosen(next);
          props.onChange(writeDuration(number, next), number);
        }}
      >
        {UNITS.map((each) => (
          <option key={each.unit} value={each.unit}>
            {each.name}
          </option>
        ))}
      </select>
    </span>
  );
}
