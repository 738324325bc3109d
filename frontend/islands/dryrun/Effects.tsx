/** The effect report: which calls would be made, which tasks opened for whom, which events recorded. */
import { Globe, Megaphone, UserRound } from "lucide-react";
import type { ReactNode } from "react";
import { JsonView } from "@/components/ui/JsonView";
import type { DryRunResult } from "@/lib/documents";
import { absolute, duration } from "@/lib/time";

export function Effects({ result, names }: { result: DryRunResult; names: (stepId: string) => string }) {
  const people = result.tasks.filter((task) => task.person);
  const after = (at: string) => `after ${duration(Math.max(0, Date.parse(at) - Date.parse(result.startedAt)))}`;
  if (result.effects.calls.length + people.length + result.events.length === 0) {
    return <p className="panel-body text-muted">Live, this run would do nothing outside itself.</p>;
  }
  return (
    <ul className="effects">
      {result.effects.calls.map((call) => (
        <Effect
          key={`c${call.stepId}${call.at}${call.attempt}`}
          icon={<Globe className="icon" aria-label="Outside call" />}
        >
          <p className="mono wrap-anywhere">
            {call.method ?? call.kind} {call.url ?? call.endpoint}
          </p>
          <p className="text-muted">
            {names(call.stepId)}
            {call.attempt > 1 && `, attempt ${call.attempt}`} · {after(call.at)}
          </p>
          {call.problem && <p className="text-error">{call.problem}</p>}
          {(call.body ?? call.headers) !== undefined && (
            <details>
              <summary className="text-xs text-faint cursor-pointer">request</summary>
              <JsonView value={{ headers: call.headers ?? {}, body: call.body ?? null }} label="request" />
            </details>
          )}
        </Effect>
      ))}
      {people.map((task) => (
        <Effect key={`t${task.stepId}${task.at}`} icon={<UserRound className="icon" aria-label="Task for people" />}>
          <p className="font-medium">{task.person?.title}</p>
          <p className="text-muted">
            {names(task.stepId)} · {after(task.at)} · for {whom(task.person)}
            {task.person?.dueAt && ` · due ${absolute(task.person.dueAt)}`}
          </p>
          {task.person?.problem && <p className="text-error">{task.person.problem}</p>}
        </Effect>
      ))}
      {result.events.map((event, index) => (
        <Effect key={`e${index}${event.at}`} icon={<Megaphone className="icon" aria-label="Event" />}>
          <p className="mono">{event.pattern}</p>
          <p className="text-muted">
            {event.stepId ? names(event.stepId) : "At its end"} · {after(event.at)}
          </p>
          <details>
            <summary className="text-xs text-faint cursor-pointer">payload</summary>
            <JsonView value={event.payload} label="payload" />
          </details>
        </Effect>
      ))}
    </ul>
  );
}

function whom(person: DryRunResult["tasks"][number]["person"]): string {
  if (person?.assignee) return person.assignee;
  return [...(person?.candidateUsers ?? []), ...(person?.candidateGroups ?? [])].join(", ") || "nobody in particular";
}

function Effect({ icon, children }: { icon: ReactNode; children: ReactNode }) {
  return (
    <li>
      {icon}
      <div className="min-w-0 grid gap-0.5">{children}</div>
    </li>
  );
}
