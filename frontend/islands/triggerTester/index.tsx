/** Would this event match? One event is chosen or written, and every trigger says what it would make of it. */
import { useMemo, useState } from "react";
import { JsonEditor } from "@/components/form/JsonEditor";
import type { JsonSchema } from "@/lib/documents";
import { below } from "@/lib/pointer";
import { Field } from "../schedule/fields";
import { fits, namesOf, type Sample, type SampleProps, samplesOf } from "../trigger/samples";
import { VerdictCard } from "../trigger/Verdicts";
import { useVerdicts, type Verdict } from "../trigger/verdict";

export interface TesterProps extends SampleProps {
  /** The name of the first event, or a pattern that it must fit; "" for any. */
  pattern: string;
}

const ANYTHING: JsonSchema = {};
const WRITTEN = -1;

export default function TriggerTester(props: TesterProps) {
  const samples = useMemo(() => samplesOf(props), [props]);
  const first = props.pattern ? samples.findIndex((each) => fits(props.pattern, each.event.pattern)) : 0;
  const [chosen, setChosen] = useState(first < samples.length ? first : WRITTEN);
  const [event, setEvent] = useState<Sample["event"]>(
    samples[first]?.event ?? { pattern: props.pattern.includes("*") ? "" : props.pattern, payload: {} },
  );
  const [seed, setSeed] = useState(0);
  const [broken, setBroken] = useState(false);
  const { answer, failure } = useVerdicts(event.pattern && !broken ? event : null);
  const acting = answer?.verdicts.filter((each) => each.would !== "skip") ?? [];
  const resting = answer?.verdicts.filter((each) => each.would === "skip") ?? [];
  const payloadProblems = (answer?.violations ?? []).flatMap((each) => {
    const pointer = below(each.pointer, "/event/payload");
    return pointer === null ? [] : [{ ...each, pointer }];
  });

  const choose = (index: number) => {
    setChosen(index);
    setBroken(false);
    const sample = samples[index];
    if (!sample) return;
    setEvent(sample.event);
    setSeed(seed + 1);
  };

  return (
    <div className="grid gap-4 items-start xl:grid-cols-[minmax(0,2fr)_minmax(0,3fr)]">
      <section className="panel" aria-labelledby="event-title">
        <div className="panel-head">
          <h2 id="event-title">The event</h2>
        </div>
        <div className="panel-body grid gap-4">
          <Field label="Begin with">
            <select
              className="select w-full pr-8! text-ellipsis"
              value={chosen}
              onChange={(change) => choose(Number(change.target.value))}
            >
              <option value={WRITTEN}>What is written below</option>
              {samples.map((each, index) => (
                <option key={`${index}${each.label}`} value={index}>
                  {each.label}
                </option>
              ))}
            </select>
          </Field>
          <Field label="Name">
            <input
              className="text-field mono"
              list="event-names"
              value={event.pattern}
              spellCheck={false}
              autoComplete="off"
              placeholder="orders.placed"
              onChange={(change) => {
                setChosen(WRITTEN);
                setEvent({ ...event, pattern: change.target.value.trim() });
              }}
            />
          </Field>
          <datalist id="event-names">
            {namesOf(props).map((each) => (
              <option key={each} value={each} />
            ))}
          </datalist>
          <div className="grid gap-1">
            <span className="field-label">Payload</span>
            <JsonEditor
              key={seed}
              value={event.payload}
              schema={ANYTHING}
              onChange={(payload) => {
                setChosen(WRITTEN);
                setEvent((now) => ({ ...now, payload }));
              }}
              onBroken={setBroken}
              serverViolations={payloadProblems}
              label="Payload as JSON"
            />
            {payloadProblems.length > 0 && (
              <p className="field-hint">
                Recording it would be refused: it differs from what is defined for this event.
              </p>
            )}
          </div>
        </div>
      </section>
      <section className="panel" aria-labelledby="verdicts-title" aria-live="polite">
        <div className="panel-head">
          <h2 id="verdicts-title">What comes of it</h2>
          {answer && <span className="count">{acting.length}</span>}
        </div>
        {failure && (
          <div className="panel-body">
            <p className="field-error">{failure}</p>
          </div>
        )}
        {answer && answer.verdicts.length === 0 && (
          <div className="empty">
            <h3>No trigger waits for {event.pattern}</h3>
            <p>Nothing is started and nothing is cancelled.</p>
          </div>
        )}
        {!answer && !failure && (
          <div className="empty">
            <h3>{event.pattern ? "Looking …" : "Which event?"}</h3>
            <p>{event.pattern ? "Asking every trigger." : "Choose one or write its name."}</p>
          </div>
        )}
        {acting.length > 0 && <Cards verdicts={acting} />}
        {resting.length > 0 && <Cards verdicts={resting} />}
        {answer?.more && <p className="pager">Only the first are shown.</p>}
        {answer && answer.hints.length > 0 && (
          <div className="panel-body border-t border-line grid gap-1">
            <p className="field-label">Nearly</p>
            {answer.hints.map((each) => (
              <p key={each.eventPattern} className="text-muted text-xs">
                {each.sentence.replaceAll("`", "")}
              </p>
            ))}
          </div>
        )}
      </section>
    </div>
  );
}

function Cards({ verdicts }: { verdicts: Verdict[] }) {
  return (
    <ul>
      {verdicts.map((each) => (
        <li key={each.triggerId} className="px-4 py-3 border-b border-line last:border-b-0">
          <VerdictCard verdict={each} />
        </li>
      ))}
    </ul>
  );
}
