import { type FormEvent, useState } from "react";
import { Ago } from "@/components/ui/Time";
import { api, messageOf } from "@/lib/api";
import type { TaskComment, TaskDetail } from "@/lib/documents";
import { personName } from "./situation";

interface Moment {
  at: string;
  who: string;
  what: string;
  text?: string;
}

/** What happened to the task, oldest first: its own times and what people said. */
export function momentsOf(task: TaskDetail): Moment[] {
  const moments: Moment[] = [{ at: task.createdAt, who: "", what: "Task opened" }];
  if (task.startedAt && task.assignee)
    moments.push({ at: task.startedAt, who: personName(task.assignee), what: "took it" });
  for (const comment of task.comments) {
    moments.push({ at: comment.createdAt, who: personName(comment.author), what: "wrote", text: comment.text });
  }
  if (task.completedAt) {
    const how = task.outcome
      ? `answered “${task.outcome}”`
      : task.status === "COMPLETED"
        ? "completed it"
        : `ended it: ${task.status.toLowerCase()}`;
    moments.push({ at: task.completedAt, who: personName(task.completedBy), what: how });
  }
  return moments.sort((a, b) => a.at.localeCompare(b.at));
}

export function Activity({ task, onComment }: { task: TaskDetail; onComment: (comment: TaskComment) => void }) {
  const [text, setText] = useState("");
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);

  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (!text.trim()) return;
    setBusy(true);
    setFailure("");
    try {
      onComment(await api.post<TaskComment>(`tasks/${task.id}/comments`, { text: text.trim() }));
      setText("");
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <div className="grid gap-3">
      <ol className="moments">
        {momentsOf(task).map((moment) => (
          <li key={moment.at + moment.what}>
            <p className="text-muted">
              {moment.who && <strong className="font-medium text-base-content">{moment.who} </strong>}
              {moment.what} · <Ago at={moment.at} />
            </p>
            {moment.text && <p className="comment-text">{moment.text}</p>}
          </li>
        ))}
      </ol>
      {task.allowed.includes("comment") && (
        <form className="grid gap-2" onSubmit={send}>
          <textarea
            className="text-field min-h-16!"
            rows={2}
            maxLength={10_000}
            aria-label="Your comment"
            placeholder="Write a comment"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          {failure && (
            <p className="field-error" role="alert">
              {failure}
            </p>
          )}
          {text.trim() && (
            <button type="submit" className="btn btn-sm btn-quiet justify-self-end" disabled={busy}>
              Comment
            </button>
          )}
        </form>
      )}
    </div>
  );
}
