/** After an answer: what else waits for this person, the most pressing first. */
import { ArrowRight, CircleCheck, PartyPopper } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Ago } from "@/components/ui/Time";
import { api } from "@/lib/api";
import type { TaskDetail, TaskSummary } from "@/lib/documents";

interface Page {
  items: TaskSummary[];
}

export async function findNext(after: string): Promise<TaskSummary | null> {
  for (const box of ["overdue", "my", "group"]) {
    const page = await api.get<Page>(`tasks?box=${box}&limit=2`);
    const found = page.items.find((each) => each.id !== after);
    if (found) return found;
  }
  return null;
}

export function NextTask({ after }: { after: TaskDetail }) {
  const [next, setNext] = useState<TaskSummary | null | undefined>(undefined);
  const link = useRef<HTMLAnchorElement>(null);

  useEffect(() => {
    let current = true;
    findNext(after.id).then(
      (found) => current && setNext(found),
      () => current && setNext(null),
    );
    return () => {
      current = false;
    };
  }, [after.id]);

  useEffect(() => {
    if (next) link.current?.focus();
  }, [next]);

  return (
    <div className="grid gap-4" data-task-done>
      <p className="notice notice-success" role="status">
        <CircleCheck className="icon" aria-hidden />
        <span className="font-medium">Done{after.outcome ? `: ${after.outcome}` : ""}. The answer is recorded.</span>
      </p>
      {next === undefined && (
        <span className="loading loading-dots text-muted" aria-label="Looking for the next task" />
      )}
      {next === null && (
        <div className="flex items-center gap-3 text-muted">
          <PartyPopper className="icon" aria-hidden />
          <span>Nothing else waits for you.</span>
          <a className="text-link" href="/tasks">
            Back to the inbox
          </a>
        </div>
      )}
      {next && (
        <div className="panel panel-body flex flex-wrap items-center gap-3">
          <div className="min-w-0 flex-1">
            <p className="text-xs text-faint">Next task</p>
            <p className="font-medium clip">{next.title}</p>
            {next.dueAt && (
              <p className={`text-xs ${next.overdue ? "text-error" : "text-muted"}`}>
                due <Ago at={next.dueAt} />
              </p>
            )}
          </div>
          <a ref={link} className="btn btn-primary btn-sm" href={`/tasks/${next.id}`} data-open-task={next.id}>
            Open <ArrowRight className="icon" aria-hidden />
          </a>
        </div>
      )}
    </div>
  );
}
