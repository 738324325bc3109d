/** The product's look for rjsf: fields, objects and their descriptions. Lists are in `arrayTemplates.tsx`. */
import CoreBaseInput from "@rjsf/core/lib/components/templates/BaseInputTemplate.js";
import {
  type BaseInputTemplateProps,
  type DescriptionFieldProps,
  descriptionId,
  errorId,
  type FieldErrorProps,
  type FieldTemplateProps,
  type ObjectFieldTemplateProps,
  type TemplatesType,
} from "@rjsf/utils";
import type { ComponentType } from "react";
import { humanise } from "@/lib/steps";
import { AddButton, arrayTemplates, iconButtons } from "./arrayTemplates";
import { type FormState, mayShow } from "./context";

function FieldTemplate(props: FieldTemplateProps) {
  const { id, label, children, errors, help, description, hidden, required, displayLabel, schema, rawErrors } = props;
  if (hidden) return <div hidden>{children}</div>;
  const state = props.registry.formContext as FormState | undefined;
  const composite = schema.type === "object" || schema.type === "array";
  const wrong = !composite && (rawErrors?.length ?? 0) > 0 && mayShow(state, id);
  const isChoice = schema.type === "boolean";
  return (
    <div className={`form-field${wrong ? " has-error" : ""}${composite ? " composite" : ""}`} data-field={id}>
      {displayLabel && !isChoice && (
        <label className="field-label" htmlFor={id}>
          {labelOf(label, schema.title)}
          {!required && <span className="optional">optional</span>}
        </label>
      )}
      {displayLabel && !isChoice && description}
      {children}
      {errors}
      {help}
    </div>
  );
}

/** Schemas without titles still get readable labels. */
function labelOf(label: string, title: string | undefined): string {
  return title ?? humanise(label);
}

function DescriptionFieldTemplate({ id, description }: DescriptionFieldProps) {
  if (!description) return null;
  return (
    <p className="field-hint" id={id}>
      {description}
    </p>
  );
}

function FieldErrorTemplate({ errors, fieldPathId, registry }: FieldErrorProps) {
  const state = registry.formContext as FormState | undefined;
  if (!errors?.length || !mayShow(state, fieldPathId.$id)) return null;
  return (
    <div className="field-error" id={errorId(fieldPathId)} role="alert">
      {errors.map((error, index) => (
        <p key={index}>{error}</p>
      ))}
    </div>
  );
}

function ObjectFieldTemplate(props: ObjectFieldTemplateProps) {
  const { title, description, properties, fieldPathId, schema, onAddProperty, disabled, readonly, registry, uiSchema } =
    props;
  const root = fieldPathId.path.length === 0;
  const name = schema.title ?? (title ? humanise(title) : "");
  const extendable = typeof schema.additionalProperties === "object";
  const content = (
    <>
      {properties.map((property) => property.content)}
      {extendable && (
        <AddButton onClick={onAddProperty} disabled={disabled || readonly} registry={registry} uiSchema={uiSchema} />
      )}
    </>
  );
  if (root) return <div className="form-fields">{content}</div>;
  return (
    <fieldset className="form-group" id={fieldPathId.$id}>
      {name && <legend>{name}</legend>}
      {description && (
        <p className="field-hint" id={descriptionId(fieldPathId)}>
          {description}
        </p>
      )}
      <div className="form-fields">{content}</div>
    </fieldset>
  );
}

const CoreInput = CoreBaseInput as unknown as ComponentType<Record<string, unknown>>;

function BaseInputTemplate(props: BaseInputTemplateProps) {
  const state = props.registry.formContext as FormState | undefined;
  const wrong = (props.rawErrors?.length ?? 0) > 0 && mayShow(state, props.id);
  // The label stands above the field; as an attribute of <input> it means nothing.
  const { label: _, ...rest } = props as unknown as Record<string, unknown>;
  return <CoreInput {...rest} aria-invalid={wrong || undefined} />;
}

function NoErrorList() {
  return null;
}

export const templates = {
  FieldTemplate,
  DescriptionFieldTemplate,
  FieldErrorTemplate,
  ObjectFieldTemplate,
  BaseInputTemplate,
  ErrorListTemplate: NoErrorList,
  ...arrayTemplates,
  ButtonTemplates: { ...iconButtons, SubmitButton: () => null },
} as unknown as Partial<Omit<TemplatesType, "ButtonTemplates">>;
