/** rjsf's own widgets where plain HTML is enough; only what should look different is replaced. */
import type { RegistryWidgetsType, WidgetProps } from "@rjsf/utils";
import { descriptionId, enumOptionsIsSelected, optionId } from "@rjsf/utils";

/** A switch-like checkbox with its label beside it. */
function CheckboxWidget(props: WidgetProps) {
  const { id, value, label, disabled, readonly, onChange, onBlur, onFocus, schema, options } = props;
  const description = options.description ?? schema.description;
  return (
    <label className="choice">
      <input
        type="checkbox"
        className="checkbox checkbox-sm checkbox-primary"
        id={id}
        checked={value === true}
        disabled={disabled || readonly}
        aria-describedby={description ? descriptionId(id) : undefined}
        onChange={(event) => onChange(event.target.checked)}
        onBlur={(event) => onBlur(id, event.target.checked)}
        onFocus={(event) => onFocus(id, event.target.checked)}
      />
      <span>
        {label}
        {description ? (
          <span className="block text-muted text-xs" id={descriptionId(id)}>
            {String(description)}
          </span>
        ) : null}
      </span>
    </label>
  );
}

/** Few choices side by side. */
function RadioWidget(props: WidgetProps) {
  const { id, value, disabled, readonly, onChange, onBlur, onFocus, options, label } = props;
  return (
    <div className="choices" role="radiogroup" aria-label={label} id={id}>
      {options.enumOptions?.map((option, index) => (
        <label className="choice-chip" key={String(option.value)}>
          <input
            type="radio"
            className="radio radio-xs radio-primary"
            id={optionId(id, index)}
            name={id}
            checked={enumOptionsIsSelected(option.value, value)}
            disabled={disabled || readonly}
            onChange={() => onChange(option.value)}
            onBlur={() => onBlur(id, option.value)}
            onFocus={() => onFocus(id, option.value)}
          />
          {option.label}
        </label>
      ))}
    </div>
  );
}

export const widgets: RegistryWidgetsType = { CheckboxWidget, RadioWidget };
