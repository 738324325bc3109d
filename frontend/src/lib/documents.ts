/** The parts of the JSON documents that pages read. Field names as in `schemas/`; what a page does not read is left out. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonSchema = { [key: string]: unknown };

export interface Violation {
  code: string;
  severity: "error" | "warning";
  /** JSON Pointer into the document or data, "" for the whole. */
  pointer: string;
  message: string;
  hint?: string;
  column?: number;
  /** The types, values or names that fit, and what is there instead. */
  expected?: string;
  found?: string;
}

export interface ConditionalNext {
  nextStepId: string;
  condition?: string;
}

export interface FailureHandler {
  action?: "continue" | "stop" | "retry" | "compensate";
  nextStepId?: string;
  errorHandler?: { conditions?: { errorType?: string; errorCode?: string; nextStepId: string }[] };
}

export interface StepDocument {
  stepId: string;
  type?: string;
  name?: string;
  description?: string;
  taskId?: string;
  next?: string | ConditionalNext[];
  transitions?: Record<string, string>;
  condition?: string;
  choices?: { condition: string; nextStep: string }[];
  default?: string;
  onFailure?: FailureHandler;
  eventTimeout?: { timeoutHandlerStepId?: string };
  branches?: { name?: string; steps: StepDocument[] }[];
  parallelBranches?: { branchId?: string; steps: StepDocument[] }[];
  join?: "ALL" | "ANY" | "N";
  count?: number;
  steps?: StepDocument[];
  items?: string;
  duration?: string;
  until?: string;
  pattern?: string;
  eventPattern?: string;
  workflowId?: string;
  status?: string;
  taskDefinition?: { assignee?: string; assigneeRole?: string; candidateGroups?: string[]; [key: string]: unknown };
  [key: string]: unknown;
}

export interface WorkflowDocument {
  workflowId: string;
  name?: string;
  description?: string;
  version?: string;
  inputSchema?: JsonSchema;
  startAt?: string;
  steps: StepDocument[];
  onFailure?: FailureHandler;
  compensationSteps?: { stepId: string; compensationFor: string; taskId: string }[];
  cancellationTriggers?: { eventPattern: string; eventCondition?: string; shouldCompensate?: boolean }[];
  [key: string]: unknown;
}

export type StepStatus =
  "PENDING" | "RUNNING" | "WAITING" | "COMPLETED" | "FAILED" | "SKIPPED" | "CANCELLED" | "TIMED_OUT" | "COMPENSATED";

export interface StepError {
  type?: string;
  code?: string;
  message?: string;
  details?: unknown;
}

export interface StepState {
  status: StepStatus;
  visit?: number;
  attempts?: number;
  input?: unknown;
  output?: unknown;
  error?: StepError | null;
  outcome?: string | null;
  taskId?: string | null;
  /** The run that a SUB_WORKFLOW step has started. */
  childInstanceId?: string | null;
  startedAt?: string | null;
  completedAt?: string | null;
  /** Of a FOR_EACH: how its items stand. */
  items?: Counts;
  /** Of a step inside a FOR_EACH: how all its visits, in all items, stand. */
  visits?: Counts;
}

export interface Counts {
  total: number;
  byStatus: Partial<Record<StepStatus, number>>;
}

export interface Wait {
  kind: "HUMAN" | "TIMER" | "TASK" | "EVENT" | "CHILD";
  stepId: string;
  since?: string;
  taskId?: string;
  dueAt?: string;
  assignee?: string;
  candidates?: string[];
  title?: string;
  /** The run of another workflow that is waited for. */
  instanceId?: string;
  workflowId?: string;
}

export type InstanceStatus =
  "CREATED" | "RUNNING" | "WAITING_FOR_EVENT" | "SUSPENDED" | "COMPENSATING" | "COMPLETED" | "FAILED" | "CANCELLED";

export interface Instance {
  id: string;
  workflowDefinitionId: string;
  workflowName: string;
  definitionVersion: string;
  status: InstanceStatus;
  input: unknown;
  output: unknown;
  error: StepError | null;
  correlationId: string | null;
  version: number;
  seq: number;
  state: {
    variables: Record<string, unknown>;
    currentStepId: string | null;
    steps: Record<string, StepState>;
    waitingFor: Wait[];
  };
  startedBy: string | null;
  startedAt: string | null;
  updatedAt: string | null;
  completedAt: string | null;
  parentInstanceId: string | null;
  cancellation: {
    reason?: string;
    requestedBy?: string | null;
    requestedAt?: string;
    source?: string;
    eventId?: string | null;
  } | null;
  compensationState: { status?: string; [key: string]: unknown } | null;
  document: WorkflowDocument;
}

export interface HistoryEntry {
  seq: number;
  at: string;
  type: string;
  stepId?: string | null;
  visit?: number | null;
  data?: Record<string, unknown> | null;
}

/** An event that would cancel a run. */
export interface CancelledBy {
  eventPattern: string;
  eventCondition: string | null;
  shouldCompensate: boolean;
  sentence: string;
}

export interface Explanation {
  sentence: string;
  since?: string | null;
  movesWhen?: string | null;
  waitingFor?: (Wait & { sentence?: string; movesWhen?: string })[];
  /** While the run waits for a slot of its workflow. */
  queue?: { key: string | null; ahead: number; capacity: number; holders: string[] } | null;
  /** When the run as a whole times out. */
  endsBy?: string | null;
  /** The events that would cancel it. */
  cancelledBy?: CancelledBy[];
}

/** What a run was like after one of its history's entries. */
export interface PastState {
  seq: number;
  at: string | null;
  status: InstanceStatus;
  definitionVersion: string;
  variables: Record<string, unknown>;
  currentStepId: string | null;
  steps: Record<string, StepState>;
  positions: { executionId: string; stepId: string; visit: number; since: string; attempts: number }[];
  open: number;
  eventCount: number;
  output: unknown;
  error: StepError | null;
  cancellation: Instance["cancellation"];
  suspension: { reason?: string; requestedBy?: string | null } | null;
  /** The definition, where the run was on another version then. */
  document?: WorkflowDocument;
}

export interface MockSuggestion {
  stepId: string;
  name: string;
  kind: "TASK" | "HUMAN" | "EVENT" | "CHILD";
  taskId?: string;
  pattern?: string;
  workflowId?: string;
  response: unknown;
  action?: string;
  actions?: string[];
}

export interface DryRunTask {
  stepId: string;
  visit: number;
  attempt: number;
  kind: string;
  taskId: string | null;
  input: unknown;
  at: string;
  seconds: number;
  answer: { output: unknown; outcome: string | null } | null;
  answeredAt: string | null;
  error: StepError | null;
  person?: {
    title: string;
    assignee: string | null;
    candidateUsers: string[];
    candidateGroups: string[];
    dueAt: string | null;
    priority: string;
    problem: string | null;
  };
}

export interface OutsideCall {
  stepId: string;
  taskId: string;
  attempt: number;
  at: string;
  kind: string;
  endpoint: string;
  method?: string;
  url?: string;
  headers?: Record<string, string>;
  body?: unknown;
  problem?: string;
}

export interface ChildStart {
  stepId: string;
  workflowId: string;
  version: string;
  input: unknown;
  at: string;
  wait: boolean;
}

/** What the items of a FOR_EACH do at one step; of that only the first few are told one by one. */
export interface EachItem {
  stepId: string;
  kind: "CALL" | "TASK" | "CHILD" | "EVENT";
  items: number;
  count: number;
  sentence: string;
}

export interface DryRunResult {
  status: InstanceStatus;
  path: string[];
  steps: Record<string, StepState>;
  output: unknown;
  error: StepError | null;
  variables: Record<string, unknown>;
  tasks: DryRunTask[];
  events: { pattern: string; payload: unknown; stepId: string | null; at: string }[];
  effects: {
    sentence: string;
    calls: OutsideCall[];
    children: ChildStart[];
    each: EachItem[];
    cancelledBy?: CancelledBy[];
  };
  waitsAt: string[];
  startedAt: string;
  seconds: number;
  history: HistoryEntry[];
}

export interface TaskAction {
  actionKey: string;
  label?: string;
  style?: "primary" | "secondary" | "danger";
  confirmation?: string | boolean | null;
}

export interface Person {
  id: string;
  username: string;
  fullName: string;
}

export interface TaskSummary {
  id: string;
  title: string;
  description: string;
  status: "PENDING" | "ASSIGNED" | "RUNNING" | "COMPLETED" | "FAILED" | "CANCELLED" | "TIMED_OUT";
  priority: "LOW" | "MEDIUM" | "HIGH" | "CRITICAL";
  workflowInstanceId: string | null;
  stepId: string | null;
  assignee: Person | null;
  candidateUsers: string[];
  candidateGroups: string[];
  completedBy: Person | null;
  outcome: string | null;
  dueAt: string | null;
  overdue: boolean;
  createdAt: string;
  startedAt: string | null;
  completedAt: string | null;
  version: number;
}

export interface TaskComment {
  id: string;
  author: Person | null;
  text: string;
  createdAt: string;
}

export interface TaskDetail extends TaskSummary {
  input: unknown;
  output: unknown;
  error: StepError | null;
  form: JsonSchema | { componentId: string } | null;
  actions: TaskAction[];
  draft: Record<string, unknown> | null;
  comments: TaskComment[];
  /** The verbs that would not be refused now. */
  allowed: string[];
}
