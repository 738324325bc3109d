import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { HistoryEntry, Instance } from "@/lib/documents";
import { type Call, FakeSocket, fakeApi, fakeSockets } from "@/testing/server";
import InstanceIsland from "./index";
import { consequences, possibleVerbs } from "./verbs";

vi.mock("@/components/graph/WorkflowGraph", () => ({ WorkflowGraph: () => <div /> }));

const id = "0190-run";

function instance(more: Partial<Instance> = {}): Instance {
  return {
    id,
    workflowDefinitionId: "orders",
    workflowName: "Orders",
    definitionVersion: "1.0.0",
    status: "RUNNING",
    input: { orderId: "O-1" },
    output: null,
    error: null,
    correlationId: null,
    version: 1,
    seq: 2,
    state: {
      variables: {},
      currentStepId: "approve",
      steps: { pay: { status: "COMPLETED" }, approve: { status: "WAITING", startedAt: "2026-01-01T00:00:02Z" } },
      waitingFor: [{ kind: "HUMAN", stepId: "approve", taskId: "t1", title: "Approve it", assignee: "bob" }],
    },
    startedBy: "alice",
    startedAt: "2026-01-01T00:00:00Z",
    updatedAt: null,
    completedAt: null,
    parentInstanceId: null,
    cancellation: null,
    compensationState: null,
    document: {
      workflowId: "orders",
      steps: [
        { stepId: "pay", next: "approve" },
        { stepId: "approve", type: "HUMAN_TASK", name: "Approval" },
      ],
      compensationSteps: [{ stepId: "refund", compensationFor: "pay", taskId: "refund" }],
    },
    ...more,
  };
}

const entry = (seq: number, type = "STEP_STARTED", stepId = "approve"): HistoryEntry => ({
  seq,
  at: "2026-01-01T00:00:02Z",
  type,
  stepId,
  visit: 1,
});
const explanation = { sentence: "Waits for bob to complete “Approve it”.", movesWhen: "bob completes the task." };
const initial = { instance: instance(), history: [entry(1, "STEP_STARTED", "pay"), entry(2)], explanation };

const operator = { maySteer: true, seesWorkflows: true, seesAllTasks: true, names: ["alice"] };
const bystander = { maySteer: false, seesWorkflows: false, seesAllTasks: false, names: ["ann"] };

function finishedApi(history: (call: Call) => unknown) {
  return fakeApi({
    [`GET workflows/instances/${id}`]: () =>
      instance({ status: "COMPLETED", seq: 5, completedAt: "2026-01-01T00:00:09Z", output: { ok: true } }),
    [`GET workflows/instances/${id}/explain`]: { sentence: "The run is complete." },
    [`GET workflows/instances/${id}/history`]: history,
  });
}

describe("the page of a run", () => {
  beforeEach(() => void fakeSockets());
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
  });

  it("leads to the run of another workflow that is waited for", () => {
    const waits = instance();
    waits.document.steps[1] = { stepId: "approve", type: "SUB_WORKFLOW", workflowId: "approval" };
    waits.state.waitingFor = [{ kind: "CHILD", stepId: "approve", instanceId: "0190-child", workflowId: "approval" }];
    waits.state.steps.approve = { status: "WAITING", childInstanceId: "0190-child" };
    render(<InstanceIsland initial={{ ...initial, instance: waits }} viewer={bystander} />);
    expect(screen.getByRole("link", { name: /Open its run/ })).toHaveProperty("pathname", "/instances/0190-child");
  });

  it("leads from a queued run to the one that it waits for", () => {
    const queued = instance({ status: "CREATED" });
    queued.state = { ...queued.state, steps: {}, waitingFor: [], currentStepId: null };
    const said = {
      sentence: "The run is queued.",
      movesWhen: "0190-first ends.",
      queue: { key: null, ahead: 0, capacity: 1, holders: ["0190-first"] },
    };
    render(<InstanceIsland initial={{ instance: queued, history: [], explanation: said }} viewer={operator} />);
    expect(screen.getByRole("link", { name: /Open that run/ })).toHaveProperty("pathname", "/instances/0190-first");
    expect(screen.queryByRole("button", { name: "Suspend" })).toBeNull();
  });

  it("leads only where its reader may go", () => {
    render(<InstanceIsland initial={initial} viewer={bystander} />);
    expect(screen.queryByRole("link")).toBeNull();
    expect(screen.queryByRole("button", { name: "Cancel" })).toBeNull();
    cleanup();
    render(<InstanceIsland initial={initial} viewer={{ ...bystander, names: ["bob", "manager"] }} />);
    expect(screen.getByRole("link", { name: /Open task/ })).toBeTruthy();
  });

  it("says what the run waits for and leads to the task", () => {
    render(<InstanceIsland initial={initial} viewer={operator} />);
    expect(screen.getByText(explanation.sentence)).toBeTruthy();
    expect(screen.getByRole("link", { name: /Open task/ }).getAttribute("href")).toBe("/tasks/t1");
  });

  it("changes by a hint, reading history in pieces from the last known number", async () => {
    const calls = finishedApi((call) =>
      call.path.endsWith("after=2")
        ? { items: [entry(3, "STEP_COMPLETED")], next: 3 }
        : { items: [entry(4), entry(5, "INSTANCE_COMPLETED")], next: null },
    );
    render(<InstanceIsland initial={initial} viewer={operator} />);
    act(() => FakeSocket.all[0]!.say({ seq: 5, type: "instance.changed" }));
    await waitFor(() => expect(screen.getByText("The run is complete.")).toBeTruthy());
    expect(calls.filter((call) => call.path.includes("history")).map((call) => call.path.split("?")[1])).toEqual([
      "after=2",
      "after=3",
    ]);
    expect(screen.getByRole("tab", { name: /History/ }).textContent).toContain("5");
  });

  it("asks the API after a reconnection even when no hint came through", async () => {
    const calls = finishedApi(() => ({ items: [], next: null }));
    render(<InstanceIsland initial={initial} viewer={operator} />);
    act(() => FakeSocket.all[0]!.open());
    await waitFor(() => expect(calls.some((call) => call.path === `workflows/instances/${id}`)).toBe(true));
  });

  it("ignores hints about what it already knows", () => {
    const calls = finishedApi(() => ({ items: [], next: null }));
    render(<InstanceIsland initial={initial} viewer={operator} />);
    act(() => FakeSocket.all[0]!.say({ seq: 2 }));
    expect(calls).toEqual([]);
  });

  it("says what cancelling will do, wants a reason, and sends both", async () => {
    const calls = fakeApi({
      [`POST workflows/instances/${id}/cancel`]: {},
      [`GET workflows/instances/${id}`]: instance({ status: "CANCELLED" }),
      [`GET workflows/instances/${id}/explain`]: { sentence: "The run was cancelled." },
      [`GET workflows/instances/${id}/history`]: { items: [], next: null },
    });
    render(<InstanceIsland initial={initial} viewer={operator} />);
    fireEvent.click(screen.getByRole("button", { name: "Cancel" }));
    expect(screen.getByText(/Withdraws the task “Approve it” from bob/)).toBeTruthy();
    expect(screen.getByText(/Undoes what was completed, last first: pay/)).toBeTruthy();
    const confirm = document.querySelector<HTMLButtonElement>("dialog button[type=submit]")!;
    fireEvent.click(confirm);
    expect(await screen.findByText("Please give a reason.")).toBeTruthy();
    fireEvent.change(screen.getByLabelText(/Reason/), { target: { value: "ordered twice" } });
    fireEvent.click(confirm);
    await waitFor(() => expect(screen.getByText("The run was cancelled.")).toBeTruthy());
    const sent = calls.find((call) => call.method === "POST")!;
    expect(sent.body).toEqual({ reason: "ordered twice", shouldCompensate: true });
    expect(sent.headers["Idempotency-Key"]).toBeTruthy();
  });
});

describe("what can be done to a run", () => {
  it.each([
    ["RUNNING", ["suspend", "cancel"]],
    ["SUSPENDED", ["resume", "cancel"]],
    ["FAILED", ["retry"]],
    ["COMPENSATING", []],
    ["COMPLETED", []],
  ] as const)("%s: %j", (status, verbs) => expect(possibleVerbs({ status })).toEqual(verbs));

  it("tells what stays when nothing is undone", () => {
    expect(consequences("cancel", instance(), false).at(-1)).toBe("Leaves what was completed as it is: pay.");
  });
});
