/** Lists in forms: one card per entry, with buttons to move and remove it. */
import { type ArrayFieldItemTemplateProps, type ArrayFieldTemplateProps, type IconButtonProps } from "@rjsf/utils";
import { ArrowDown, ArrowUp, Copy, Plus, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { humanise } from "@/lib/steps";

function IconButton({ label, icon, props }: { label: string; icon: ReactNode; props: IconButtonProps }) {
  const { onClick, disabled, id } = props;
  return (
    <button
      type="button"
      id={id}
      className="btn btn-ghost btn-xs btn-square"
      aria-label={label}
      title={label}
      onClick={onClick}
      disabled={disabled}
    >
      {icon}
    </button>
  );
}

export function AddButton(props: IconButtonProps) {
  return (
    <button
      type="button"
      id={props.id}
      className="btn btn-quiet btn-xs self-start"
      onClick={props.onClick}
      disabled={props.disabled}
    >
      <Plus className="icon" aria-hidden /> Add
    </button>
  );
}

export const iconButtons = {
  AddButton,
  CopyButton: (props: IconButtonProps) => <IconButton label="Copy" icon={<Copy className="icon" />} props={props} />,
  MoveUpButton: (props: IconButtonProps) => (
    <IconButton label="Move up" icon={<ArrowUp className="icon" />} props={props} />
  ),
  MoveDownButton: (props: IconButtonProps) => (
    <IconButton label="Move down" icon={<ArrowDown className="icon" />} props={props} />
  ),
  RemoveButton: (props: IconButtonProps) => (
    <IconButton label="Remove" icon={<Trash2 className="icon" />} props={props} />
  ),
  ClearButton: () => null,
};

function ArrayFieldTemplate(props: ArrayFieldTemplateProps) {
  const { title, schema, items, canAdd, onAddClick, disabled, readonly, registry, uiSchema, fieldPathId } = props;
  const name = schema.title ?? humanise(title);
  return (
    <fieldset className="form-group" id={fieldPathId.$id}>
      <legend>
        {name} <span className="count">{items.length}</span>
      </legend>
      {schema.description && <p className="field-hint">{schema.description}</p>}
      <div className="form-list">{items}</div>
      {canAdd && (
        <AddButton onClick={onAddClick} disabled={disabled || readonly} registry={registry} uiSchema={uiSchema} />
      )}
    </fieldset>
  );
}

function ArrayFieldItemTemplate(props: ArrayFieldItemTemplateProps) {
  const { children, index, hasToolbar, buttonsProps, registry, uiSchema } = props;
  const { MoveUpButton, MoveDownButton, RemoveButton } = registry.templates.ButtonTemplates;
  const { hasMoveUp, hasMoveDown, hasRemove, onMoveUpItem, onMoveDownItem, onRemoveItem, disabled, readonly } =
    buttonsProps;
  const common = { disabled: disabled || readonly, registry, uiSchema };
  return (
    <div className="form-item">
      <span className="form-item-number">{index + 1}</span>
      <div className="form-item-body">{children}</div>
      {hasToolbar && (
        <div className="form-item-tools">
          {hasMoveUp && <MoveUpButton {...common} onClick={onMoveUpItem} />}
          {hasMoveDown && <MoveDownButton {...common} onClick={onMoveDownItem} />}
          {hasRemove && <RemoveButton {...common} onClick={onRemoveItem} />}
        </div>
      )}
    </div>
  );
}

export const arrayTemplates = { ArrayFieldTemplate, ArrayFieldItemTemplate };
