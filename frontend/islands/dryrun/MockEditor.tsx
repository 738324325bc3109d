import { DataField } from "@/components/form/DataField";
import { StepIcon } from "@/components/ui/StepIcon";
import type { Mock, Mode } from "./mocks";

const TYPES = { TASK: "TASK", HUMAN: "HUMAN_TASK", EVENT: "EVENT_WAIT", CHILD: "SUB_WORKFLOW" };
const LABELS = {
  TASK: "Response as JSON",
  HUMAN: "Response as JSON",
  EVENT: "Payload as JSON",
  CHILD: "Output as JSON",
};
const MODES: Record<Mode, string> = { answers: "Answers", fails: "Fails", silent: "Never answers" };

/** One step's answer; closed it says in a word what that is. */
export function MockEditor({ mock, onChange }: { mock: Mock; onChange: (mock: Mock) => void }) {
  const { about, mode } = mock;
  const set = (change: Partial<Mock>) => onChange({ ...mock, ...change });
  const canFail = about.kind === "TASK" || about.kind === "CHILD";
  const modes = (Object.keys(MODES) as Mode[]).filter((each) => each !== "fails" || canFail);
  return (
    <li>
      <details>
        <summary>
          <span className="step-icon" data-status="PENDING">
            <StepIcon type={TYPES[about.kind]} />
          </span>
          <span className="min-w-0 flex-1">
            <span className="font-medium clip block">{about.name}</span>
            <span className="text-xs text-faint clip block">
              {about.taskId ?? about.workflowId ?? about.pattern ?? about.stepId}
            </span>
          </span>
          <span className="mock-word" data-mode={mode}>
            {word(mock)}
          </span>
        </summary>
        <div className="grid gap-3 p-4 pt-1">
          <div className="field-pair">
            <Field label="It">
              <select
                className="form-control"
                value={mode}
                onChange={(event) => set({ mode: event.target.value as Mode, broken: false })}
              >
                {modes.map((each) => (
                  <option key={each} value={each}>
                    {MODES[each]}
                  </option>
                ))}
              </select>
            </Field>
            {about.actions && mode === "answers" && (
              <Field label="Action">
                <select
                  className="form-control"
                  value={mock.action}
                  onChange={(event) => set({ action: event.target.value })}
                >
                  {about.actions.map((each) => (
                    <option key={each} value={each}>
                      {each}
                    </option>
                  ))}
                </select>
              </Field>
            )}
            {mode === "fails" && (
              <Field label="Kind of error">
                <select
                  className="form-control"
                  value={mock.errorType}
                  onChange={(event) => set({ errorType: event.target.value })}
                >
                  <option value="PERMANENT">Permanent</option>
                  <option value="TRANSIENT">Transient: may pass</option>
                  <option value="TIMEOUT">Timeout</option>
                </select>
              </Field>
            )}
          </div>
          {mode === "fails" && (
            <div className="field-pair">
              <Text label="Code" value={mock.errorCode} onChange={(errorCode) => set({ errorCode })} />
              <Text
                label="Message"
                optional
                value={mock.errorMessage}
                onChange={(errorMessage) => set({ errorMessage })}
              />
            </div>
          )}
          {mode === "answers" && (
            <DataField
              schema={null}
              value={mock.response}
              onChange={(response) => set({ response })}
              onBroken={(broken) => set({ broken })}
              idPrefix={`mock-${about.stepId}`}
              label={LABELS[about.kind]}
            />
          )}
          {mode !== "silent" && (
            <div className="field-pair">
              <Text label="After" optional placeholder="PT5M" value={mock.delay} onChange={(delay) => set({ delay })} />
              {canFail && (
                <Text
                  label={mode === "fails" ? "Times, then it answers" : "Times"}
                  optional
                  placeholder="always"
                  numeric
                  value={mock.times}
                  onChange={(times) => set({ times })}
                />
              )}
            </div>
          )}
        </div>
      </details>
    </li>
  );
}

function word(mock: Mock): string {
  if (mock.mode === "silent") return "never";
  if (mock.mode === "fails") return mock.times ? `fails ${mock.times}×` : "fails";
  if (mock.action) return mock.action;
  return JSON.stringify(mock.response) === JSON.stringify(mock.about.response) ? "example" : "edited";
}

function Field({ label, optional, children }: { label: string; optional?: boolean; children: React.ReactNode }) {
  return (
    <label className="grid gap-1 min-w-0">
      <span className="field-label">
        {label} {optional && <span className="optional">optional</span>}
      </span>
      {children}
    </label>
  );
}

function Text({
  label,
  value,
  onChange,
  optional,
  placeholder,
  numeric,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  optional?: boolean;
  placeholder?: string;
  numeric?: boolean;
}) {
  return (
    <Field label={label} optional={optional}>
      <input
        className="text-field"
        value={value}
        placeholder={placeholder}
        inputMode={numeric ? "numeric" : undefined}
        pattern={numeric ? "[0-9]*" : undefined}
        onChange={(event) => onChange(numeric ? event.target.value.replace(/\D/g, "") : event.target.value)}
      />
    </Field>
  );
}
