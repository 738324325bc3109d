/** The effect report: which calls would be made, which tasks opened for whom, which runs started, which events recorded. */
import { Globe, Megaphone, Repeat, UserRound, Workflow } from "lucide-react";
import type { ReactNode } from "react";
import { JsonView } from "@/components/ui/JsonView";
import type { DryRunResult, EachItem } from "@/lib/documents";
import { absolute, duration } from "@/lib/time";

const MOST_SHOWN = 200;

/** How much it would do outside itself, all items counted. */
export function countOf(result: DryRunResult): number {
  const { each, calls, children } = result.effects;
  const inItems = (kind: EachItem["kind"]) => new Set(each.filter((one) => one.kind === kind).map((one) => one.stepId));
  const outside = (kind: EachItem["kind"], all: { stepId: string }[]) =>
    all.filter((one) => !inItems(kind).has(one.stepId)).length;
  const people = result.tasks.filter((task) => task.person);
  const events = result.events.filter((one) => !one.stepId || !inItems("EVENT").has(one.stepId));
  const single = outside("CALL", calls) + outside("CHILD", children) + outside("TASK", people) + events.length;
  return each.reduce((sum, one) => sum + one.count, single);
}

interface Told {
  at: string;
  stepId: string | null;
  kind: EachItem["kind"];
  key: string;
  shown: ReactNode;
}

export function Effects({ result, names }: { result: DryRunResult; names: (stepId: string) => string }) {
  const told = tellings(result, names);
  if (told.length === 0)
    return <p className="panel-body text-muted">Live, this run would do nothing outside itself.</p>;
  const { each } = result.effects;
  const group = (one: Told) => each.find((item) => item.kind === one.kind && item.stepId === one.stepId);
  const seen = new Set<EachItem>();
  const rows = told.flatMap((one) => {
    const item = group(one);
    if (!item) return [one];
    if (seen.has(item)) return [];
    seen.add(item);
    const others = told.filter((other) => group(other) === item);
    return [{ ...one, key: `each${item.kind}${item.stepId}`, shown: <Each item={item} told={others} names={names} /> }];
  });
  return (
    <ul className="effects">
      {rows.slice(0, MOST_SHOWN).map((one) => (
        <li key={one.key}>{one.shown}</li>
      ))}
      {rows.length > MOST_SHOWN && (
        <li className="text-muted">and {(rows.length - MOST_SHOWN).toLocaleString()} more</li>
      )}
    </ul>
  );
}

/** What all the items of a FOR_EACH do at one step, with the first of them. */
function Each({ item, told, names }: { item: EachItem; told: Told[]; names: (stepId: string) => string }) {
  return (
    <>
      <Repeat className="icon" aria-label="Each item" />
      <div className="min-w-0 grid gap-0.5">
        <p className="font-medium">{item.sentence}</p>
        <p className="text-muted">{names(item.stepId)}</p>
        <details>
          <summary className="text-xs text-faint cursor-pointer">
            {item.count > told.length ? `the first ${Math.min(3, told.length)}` : "one by one"}
          </summary>
          <ul className="effects">
            {told.slice(0, 3).map((one) => (
              <li key={one.key}>{one.shown}</li>
            ))}
          </ul>
        </details>
      </div>
    </>
  );
}

function tellings(result: DryRunResult, names: (stepId: string) => string): Told[] {
  const after = (at: string) => `after ${duration(Math.max(0, Date.parse(at) - Date.parse(result.startedAt)))}`;
  const told: Told[] = [];
  const add = (kind: Told["kind"], stepId: string | null, at: string, icon: ReactNode, text: ReactNode) =>
    told.push({
      kind,
      stepId,
      at,
      key: `${told.length}`,
      shown: (
        <>
          {icon}
          <div className="min-w-0 grid gap-0.5">{text}</div>
        </>
      ),
    });
  for (const call of result.effects.calls) {
    add(
      "CALL",
      call.stepId,
      call.at,
      <Globe className="icon" aria-label="Outside call" />,
      <>
        <p className="mono wrap-anywhere">
          {call.method ?? call.kind} {call.url ?? call.endpoint}
        </p>
        <p className="text-muted">
          {names(call.stepId)}
          {call.attempt > 1 && `, attempt ${call.attempt}`} · {after(call.at)}
        </p>
        {call.problem && <p className="text-error">{call.problem}</p>}
        {(call.body ?? call.headers) !== undefined && (
          <Data name="request" value={{ headers: call.headers ?? {}, body: call.body ?? null }} />
        )}
      </>,
    );
  }
  for (const child of result.effects.children) {
    add(
      "CHILD",
      child.stepId,
      child.at,
      <Workflow className="icon" aria-label="Run of another workflow" />,
      <>
        <p>
          <span className="mono">{child.workflowId}</span> <span className="text-faint">{child.version}</span>
        </p>
        <p className="text-muted">
          {names(child.stepId)} · {after(child.at)} · {child.wait ? "its end is waited for" : "goes on by itself"}
        </p>
        <Data name="input" value={child.input} />
      </>,
    );
  }
  for (const task of result.tasks) {
    if (!task.person) continue;
    add(
      "TASK",
      task.stepId,
      task.at,
      <UserRound className="icon" aria-label="Task for people" />,
      <>
        <p className="font-medium">{task.person.title}</p>
        <p className="text-muted">
          {names(task.stepId)} · {after(task.at)} · for {whom(task.person)}
          {task.person.dueAt && ` · due ${absolute(task.person.dueAt)}`}
        </p>
        {task.person.problem && <p className="text-error">{task.person.problem}</p>}
      </>,
    );
  }
  for (const event of result.events) {
    add(
      "EVENT",
      event.stepId,
      event.at,
      <Megaphone className="icon" aria-label="Event" />,
      <>
        <p className="mono">{event.pattern}</p>
        <p className="text-muted">
          {event.stepId ? names(event.stepId) : "At its end"} · {after(event.at)}
        </p>
        <Data name="payload" value={event.payload} />
      </>,
    );
  }
  return told.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

function Data({ name, value }: { name: string; value: unknown }) {
  return (
    <details>
      <summary className="text-xs text-faint cursor-pointer">{name}</summary>
      <JsonView value={value} label={name} />
    </details>
  );
}

function whom(person: DryRunResult["tasks"][number]["person"]): string {
  if (person?.assignee) return person.assignee;
  return [...(person?.candidateUsers ?? []), ...(person?.candidateGroups ?? [])].join(", ") || "nobody in particular";
}
