import type { Violation } from "@/lib/documents";
import { FormFoot } from "./FormFoot";

/** The foot of a form for something that is in force as saved: whether it is active, and the button that saves it. */
export function SaveBar({
  noun,
  isNew,
  enabled,
  busy,
  broken,
  failure,
  violations,
  onEnable,
}: {
  noun: string;
  isNew: boolean;
  enabled: boolean;
  busy: boolean;
  broken: boolean;
  failure: string;
  violations: Violation[];
  onEnable: (enabled: boolean) => void;
}) {
  return (
    <FormFoot failure={failure} violations={violations}>
      <label className="choice">
        <input
          type="checkbox"
          className="checkbox checkbox-sm"
          checked={enabled}
          onChange={(event) => onEnable(event.target.checked)}
        />
        <span>Active</span>
      </label>
      <button type="submit" className="btn btn-primary btn-sm ml-auto" disabled={busy || broken}>
        {busy && <span className="loading loading-spinner loading-xs" aria-hidden />}
        {isNew ? `Create ${noun}` : `Save ${noun}`}
      </button>
    </FormFoot>
  );
}
