/** Tries a definition out: an input, an answer for each step that asks the outside world, and what would come of it. */
import { FlaskConical } from "lucide-react";
import { type FormEvent, useMemo, useRef, useState } from "react";
import { DataField, type DataFieldHandle } from "@/components/form/DataField";
import { ApiProblem, api, messageOf } from "@/lib/api";
import type { DryRunResult, MockSuggestion, Violation, WorkflowDocument } from "@/lib/documents";
import { below } from "@/lib/pointer";
import { MockEditor } from "./MockEditor";
import { type Mock, mockOf, toRequest } from "./mocks";
import { Result } from "./Result";

export interface DryRunProps {
  document: WorkflowDocument;
  mocks: MockSuggestion[];
  /** An input made up from the inputSchema. */
  example: unknown;
}

export default function DryRunIsland({ document, mocks: suggestions, example }: DryRunProps) {
  const [input, setInput] = useState<unknown>({});
  const [broken, setBroken] = useState(false);
  const [mocks, setMocks] = useState<Mock[]>(() => suggestions.map(mockOf));
  const [result, setResult] = useState<DryRunResult | null>(null);
  const [violations, setViolations] = useState<Violation[]>([]);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const field = useRef<DataFieldHandle>(null);
  const outcome = useRef<HTMLElement>(null);
  const atInput = useMemo(() => violations.flatMap(moved), [violations]);
  const elsewhere = violations.filter((each) => moved(each).length === 0);

  const play = async (event: FormEvent) => {
    event.preventDefault();
    const checked = field.current?.submit();
    if (!checked?.valid) return;
    setBusy(true);
    setFailure("");
    setViolations([]);
    try {
      const body = { definition: document, input: checked.data, mocks: mocks.flatMap(toRequest) };
      setResult(await api.post<DryRunResult>("workflows/definitions/dry-run", body));
      requestAnimationFrame(() => outcome.current?.scrollIntoView?.({ block: "start" }));
    } catch (error) {
      if (error instanceof ApiProblem) setViolations(error.violations);
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <div className="dry-run">
      <form className="panel" onSubmit={play} noValidate aria-label="What is tried out">
        <div className="panel-head">
          <h2>Input</h2>
        </div>
        <div className="panel-body">
          <DataField
            ref={field}
            schema={document.inputSchema ?? null}
            value={input}
            onChange={setInput}
            onBroken={setBroken}
            serverViolations={atInput}
            disabled={busy}
            idPrefix="input"
            label="Input as JSON"
            nothingToFillIn="This workflow asks for no input."
            example={document.inputSchema ? example : undefined}
          />
        </div>
        <div className="panel-head border-t border-line">
          <h2>Answers from outside</h2>
          <span className="count">{mocks.length}</span>
        </div>
        {mocks.length === 0 ? (
          <p className="panel-body text-muted">No step asks anybody outside.</p>
        ) : (
          <ul className="mock-list">
            {mocks.map((mock, index) => (
              <MockEditor
                key={mock.about.stepId}
                mock={mock}
                onChange={(changed) => setMocks(mocks.map((each, place) => (place === index ? changed : each)))}
              />
            ))}
          </ul>
        )}
        {failure && (
          <div className="p-4">
            <div className="notice notice-error" role="alert">
              <div className="min-w-0">
                <p className="font-medium">{failure}</p>
                {elsewhere.slice(0, 8).map((each) => (
                  <p key={each.pointer + each.message}>
                    <code>{each.pointer || "/"}</code> {each.message}
                  </p>
                ))}
              </div>
            </div>
          </div>
        )}
        <div className="dry-run-foot">
          <span className="text-xs text-faint">Nothing is kept and nobody is called.</span>
          <button
            type="submit"
            className="btn btn-primary btn-sm ml-auto"
            disabled={busy || broken || mocks.some((each) => each.broken)}
          >
            {busy ? (
              <span className="loading loading-spinner loading-xs" aria-hidden />
            ) : (
              <FlaskConical className="icon" aria-hidden />
            )}
            Dry run
          </button>
        </div>
      </form>
      <section
        className="grid gap-4 min-w-0 content-start"
        ref={outcome}
        aria-label="What would happen"
        aria-busy={busy}
      >
        <Result document={document} result={result} />
      </section>
    </div>
  );
}

function moved(violation: Violation): Violation[] {
  const pointer = below(violation.pointer, "/input");
  return pointer === null ? [] : [{ ...violation, pointer }];
}
