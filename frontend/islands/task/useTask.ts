/** One task, kept current: whoever changes it, the page learns of it by a hint and asks the API. */
import { useCallback, useEffect, useRef, useState } from "react";
import { ApiProblem, api } from "@/lib/api";
import type { TaskDetail } from "@/lib/documents";
import { onTasksChanged } from "@/lib/taskFeed";

export function useTask(initial: TaskDetail) {
  const [task, setTask] = useState(initial);
  const [gone, setGone] = useState(false);
  const asking = useRef(false);

  const refresh = useCallback(async () => {
    if (asking.current) return;
    asking.current = true;
    try {
      setTask(await api.get<TaskDetail>(`tasks/${initial.id}`));
    } catch (error) {
      if (error instanceof ApiProblem && (error.status === 404 || error.status === 403)) setGone(true);
    } finally {
      asking.current = false;
    }
  }, [initial.id]);

  useEffect(() => onTasksChanged(() => void refresh()), [refresh]);

  return { task, setTask, gone, refresh };
}
