/** What the reader of a run may do and open. */
import { createContext, useContext } from "react";
import type { Wait } from "@/lib/documents";

export interface Viewer {
  maySteer: boolean;
  seesWorkflows: boolean;
  seesAllTasks: boolean;
  seesEvents?: boolean;
  /** The event that a trigger has started it on. */
  startedByEvent?: string | null;
  /** Their username, teams and roles. */
  names: string[];
}

/** Whether a link to the task that a run waits for leads anywhere for this reader. */
export function mayOpenTask(viewer: Viewer, wait: Wait | undefined): boolean {
  if (viewer.seesAllTasks) return true;
  if (!wait) return false;
  return [wait.assignee, ...(wait.candidates ?? [])].some((name) => name !== undefined && viewer.names.includes(name));
}

const NOBODY: Viewer = { maySteer: false, seesWorkflows: false, seesAllTasks: false, names: [] };

export const ViewerContext = createContext<Viewer>(NOBODY);

export function useViewer(): Viewer {
  return useContext(ViewerContext);
}
