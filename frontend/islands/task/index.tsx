/** One task: what it is about, its form, what was said. Also the reading pane of the inbox. */
import { ArrowUpRight, CircleCheck, Hand, UserRound } from "lucide-react";
import { type KeyboardEvent, useRef, useState } from "react";
import { Facts } from "@/components/ui/Facts";
import { Status } from "@/components/ui/Status";
import { Ago } from "@/components/ui/Time";
import { api, messageOf } from "@/lib/api";
import type { TaskDetail } from "@/lib/documents";
import { AnswerForm, type AnswerFormHandle } from "./AnswerForm";
import { Activity } from "./Comments";
import { NextTask } from "./NextTask";
import { personName, situationOf } from "./situation";
import { useTask } from "./useTask";

export interface TaskProps {
  initial: TaskDetail;
  user: { id: string };
  /** Name of the workflow the task belongs to, when the reader may see its run. */
  workflowName: string | null;
}

export default function TaskIsland({ initial, user, workflowName }: TaskProps) {
  const { task, setTask, gone, refresh } = useTask(initial);
  const [notice, setNotice] = useState("");
  const [completed, setCompleted] = useState(false);
  const [busy, setBusy] = useState(false);
  const answer = useRef<AnswerFormHandle>(null);
  const situation = situationOf(task, user.id);
  const mayAnswer = task.allowed.includes("complete") && situation !== "taken";

  const act = async (verb: "claim" | "release") => {
    setBusy(true);
    setNotice("");
    try {
      setTask(await api.post<TaskDetail>(`tasks/${task.id}/${verb}`));
    } catch (error) {
      setNotice(messageOf(error));
      await refresh();
    } finally {
      setBusy(false);
    }
  };

  const finish = (done: TaskDetail) => {
    setTask(done);
    setCompleted(true);
    document.dispatchEvent(new CustomEvent("task:completed", { detail: { id: done.id } }));
  };

  const keys = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey) && mayAnswer) {
      event.preventDefault();
      answer.current?.primary();
    }
  };

  return (
    <article className="task-page" data-task={task.id} data-situation={situation} onKeyDown={keys}>
      <header className="task-head">
        <div className="min-w-0 flex-1">
          <h1>{task.title}</h1>
          <p className="run-line">
            <Status value={task.status} />
            {task.priority !== "MEDIUM" && (
              <span className="priority" data-priority={task.priority}>
                {task.priority.charAt(0) + task.priority.slice(1).toLowerCase()} priority
              </span>
            )}
            {task.dueAt && (
              <span className={task.overdue ? "text-error font-medium" : ""}>
                due <Ago at={task.dueAt} />
              </span>
            )}
            <span className="inline-flex items-center gap-1.5">
              <UserRound className="icon" aria-hidden />
              {task.assignee ? personName(task.assignee) : `nobody yet${candidates(task)}`}
            </span>
          </p>
        </div>
        <div className="flex gap-2">
          {task.allowed.includes("claim") && situation === "free" && (
            <button
              type="button"
              className="btn btn-sm btn-quiet"
              data-claim
              disabled={busy}
              onClick={() => act("claim")}
            >
              <Hand className="icon" aria-hidden /> Claim
            </button>
          )}
          {task.allowed.includes("release") && situation === "mine" && (
            <button type="button" className="btn btn-sm btn-ghost" disabled={busy} onClick={() => act("release")}>
              Release
            </button>
          )}
        </div>
      </header>

      {gone && <p className="notice notice-warning">This task is no longer open to you.</p>}
      {situation === "taken" && (
        <p className="notice notice-warning" role="status">
          Taken by {personName(task.assignee)}. It can be read here, but not answered.
        </p>
      )}
      {notice && situation !== "taken" && (
        <p className="notice notice-warning" role="alert">
          {notice}
        </p>
      )}

      <div className="task-columns">
        <section className="grid gap-4 content-start min-w-0" aria-label="Answer">
          {task.description && <p className="task-description">{task.description}</p>}
          {completed ? (
            <NextTask after={task} />
          ) : situation === "closed" ? (
            <Closed task={task} />
          ) : mayAnswer ? (
            <AnswerForm
              key={task.id}
              ref={answer}
              task={task}
              onCompleted={finish}
              onConflict={(message) => {
                setNotice(message);
                void refresh();
              }}
            />
          ) : (
            situation !== "taken" && (
              <p className="text-muted">You can follow this task, but it is not yours to answer.</p>
            )
          )}
        </section>
        <aside className="task-context" aria-label="Context">
          {task.input !== null && task.input !== undefined && (
            <section className="grid gap-2">
              <h2 className="section-title">What it is about</h2>
              <Facts value={task.input} />
            </section>
          )}
          {task.workflowInstanceId && workflowName && (
            <a className="text-link inline-flex items-center gap-1" href={`/instances/${task.workflowInstanceId}`}>
              {workflowName}: follow the run <ArrowUpRight className="icon" aria-hidden />
            </a>
          )}
          <section className="grid gap-2">
            <h2 className="section-title">History</h2>
            <Activity
              task={task}
              onComment={(comment) => setTask({ ...task, comments: [...task.comments, comment] })}
            />
          </section>
        </aside>
      </div>
    </article>
  );
}

function candidates(task: TaskDetail): string {
  const names = [...task.candidateUsers, ...task.candidateGroups];
  return names.length ? ` — open to ${names.join(", ")}` : "";
}

function Closed({ task }: { task: TaskDetail }) {
  return (
    <div className="grid gap-3">
      <p className="inline-flex items-center gap-2 font-medium">
        <CircleCheck className="icon text-success" aria-hidden />
        {task.status === "COMPLETED" ? "Answered" : task.status.charAt(0) + task.status.slice(1).toLowerCase()}
        {task.completedBy && ` by ${personName(task.completedBy)}`}
        {task.outcome && ` with “${task.outcome}”`}
      </p>
      {task.output !== null && <Facts value={task.output} />}
    </div>
  );
}
