import { act, cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { HistoryEntry, Instance } from "@/lib/documents";
import { type Call, FakeSocket, fakeApi, fakeSockets, Refusal } from "@/testing/server";
import InstanceIsland from "./index";
import { possibleVerbs } from "@/lib/steering";
import { PAGE } from "./HistoryList";
import type { Viewer } from "./viewer";

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

const historyCalls = (calls: Call[]) =>
  calls.filter((call) => call.path.includes("/history")).map((call) => call.path.split("?")[1] as string);

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
    expect(screen.queryByRole("button", { name: "Steer" })).toBeNull();
    cleanup();
    render(<InstanceIsland initial={initial} viewer={{ ...bystander, names: ["bob", "manager"] }} />);
    expect(screen.getByRole("link", { name: /Open task/ })).toBeTruthy();
  });

  it("says what the run waits for and leads to the task", () => {
    render(<InstanceIsland initial={initial} viewer={operator} />);
    expect(screen.getByText(explanation.sentence)).toBeTruthy();
    expect(screen.getByRole("link", { name: /Open task/ }).getAttribute("href")).toBe("/tasks/t1");
  });

  it("says which events would cancel it, and which one did", () => {
    const document = {
      ...instance().document,
      cancellationTriggers: [
        {
          eventPattern: "orders.cancelled",
          eventCondition: "event.payload.id == input.orderId",
          shouldCompensate: true,
        },
      ],
    };
    const show = (shown: Instance, viewer: Viewer) =>
      render(<InstanceIsland initial={{ ...initial, instance: shown }} viewer={viewer} />);
    const panel = () => within(screen.getByRole("complementary", { name: "Run" }));
    show(instance({ document }), operator);
    expect(panel().getByText("orders.cancelled")).toBeTruthy();
    expect(panel().getByText("event.payload.id == input.orderId")).toBeTruthy();
    cleanup();
    const over = instance({
      document,
      status: "CANCELLED",
      completedAt: "2026-01-01T00:01:00Z",
      cancellation: { reason: "Taken back", source: "EVENT", requestedBy: null, eventId: "e 1" },
    });
    show(over, { ...operator, seesEvents: true });
    expect(panel().queryByText("orders.cancelled")).toBeNull();
    expect(panel().getByRole("link", { name: "by this event" }).getAttribute("href")).toBe("/events/e%201");
    cleanup();
    show(over, operator);
    expect(panel().queryByRole("link", { name: "by this event" })).toBeNull();
  });

  it("says of each open branch what it waits for", () => {
    const waitingFor = [
      { kind: "TIMER" as const, stepId: "pay", sentence: "Waits at pay.", movesWhen: "The time comes." },
      { kind: "EVENT" as const, stepId: "approve", sentence: "Waits for paid.", movesWhen: "It arrives." },
    ];
    render(<InstanceIsland initial={{ ...initial, explanation: { ...explanation, waitingFor } }} viewer={operator} />);
    const waits = within(screen.getByRole("list", { name: "What it waits for" }));
    expect(waits.getAllByRole("listitem").map((each) => each.textContent)).toEqual([
      "PayWaits at pay. The time comes.",
      "ApprovalWaits for paid. It arrives.",
    ]);
  });

  it("changes by a hint, asking only for what is new", async () => {
    const calls = finishedApi(() => ({
      items: [entry(3, "STEP_COMPLETED"), entry(4), entry(5, "INSTANCE_COMPLETED")],
      next: null,
    }));
    render(<InstanceIsland initial={initial} viewer={operator} />);
    act(() => FakeSocket.all[0]!.say({ seq: 5, type: "instance.changed" }));
    await waitFor(() => expect(screen.getByText("The run is complete.")).toBeTruthy());
    expect(historyCalls(calls)).toEqual(["after=2&limit=500"]);
    expect(screen.getByRole("tab", { name: /History/ }).textContent).toContain("5");
  });

  it("asks for the newest only where a great deal has happened, and for the rest when it is looked at", async () => {
    const calls = fakeApi({
      [`GET workflows/instances/${id}`]: () => instance({ seq: 9_000 }),
      [`GET workflows/instances/${id}/explain`]: { sentence: "Busy." },
      [`GET workflows/instances/${id}/history`]: (call: Call) => {
        const query = new URLSearchParams(call.path.split("?")[1]);
        const [after, limit] = [Number(query.get("after")), Number(query.get("limit"))];
        return { items: Array.from({ length: limit }, (_, index) => entry(after + index + 1)), next: null };
      },
    });
    render(<InstanceIsland initial={initial} viewer={operator} />);
    act(() => FakeSocket.all[0]!.say({ seq: 9_000, type: "instance.changed" }));
    await waitFor(() => expect(screen.getByText("Busy.")).toBeTruthy());
    fireEvent.click(screen.getByRole("tab", { name: /History/ }));
    fireEvent.click(screen.getByRole("button", { name: "First" }));
    expect(await screen.findByRole("button", { name: "See the run as it was after entry 3" })).toBeTruthy();
    expect(historyCalls(calls)).toEqual(["after=8500&limit=500", "after=0&limit=100"]);
  });

  it("asks for what is about one step from its end, where the history is not known as a whole", async () => {
    const calls = fakeApi({
      [`GET workflows/instances/${id}/history`]: (call: Call) =>
        call.path.includes("before=901")
          ? { items: [entry(700), entry(900)], next: "/more" }
          : { items: [entry(10), entry(20)], next: null },
    });
    render(<InstanceIsland initial={{ ...initial, instance: instance({ seq: 900 }) }} viewer={operator} />);
    fireEvent.click(screen.getByRole("button", { name: /^Approval/ }));
    fireEvent.click(screen.getByRole("tab", { name: /History/ }));
    expect(await screen.findByText("900")).toBeTruthy();
    fireEvent.click(screen.getByRole("button", { name: "Earlier" }));
    expect(await screen.findByText("20")).toBeTruthy();
    expect(historyCalls(calls).filter((query) => query.includes("stepId"))).toEqual([
      "before=901&stepId=approve&limit=100",
      "before=700&stepId=approve&limit=100",
    ]);
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

  it("shows no verb to who may not steer", () => {
    render(<InstanceIsland initial={initial} viewer={bystander} />);
    expect(screen.queryByRole("button", { name: /Steer/ })).toBeNull();
  });
});

const answer = (more: object = {}) => ({
  operation: "cancel",
  allowed: true,
  sentence: "The run ends as cancelled.",
  consequences: [
    { kind: "TASK_WITHDRAWN", stepId: "approve", sentence: "The task “Approve it” is withdrawn from bob." },
    { kind: "KEPT", stepId: "pay", sentence: "What pay did stays as it is." },
  ],
  endsAs: "CANCELLED",
  violations: [],
  ...more,
});
const after = {
  [`GET workflows/instances/${id}`]: instance({ status: "CANCELLED" }),
  [`GET workflows/instances/${id}/explain`]: { sentence: "The run was cancelled." },
  [`GET workflows/instances/${id}/history`]: { items: [], next: null },
};
const confirm = () => document.querySelector<HTMLButtonElement>("dialog button[type=submit]")!;
const choose = (verb: string) => {
  fireEvent.click(screen.getByRole("button", { name: "Steer" }));
  fireEvent.click(screen.getByRole("menuitem", { name: new RegExp(`^${verb}`) }));
};

describe("steering a run", () => {
  beforeEach(() => void fakeSockets());
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
    window.history.replaceState(null, "", "/");
  });

  it("says what cancelling will do, wants a reason, and sends both", async () => {
    const calls = fakeApi({
      ...after,
      [`POST workflows/instances/${id}/preview`]: answer(),
      [`POST workflows/instances/${id}/cancel`]: {},
    });
    render(<InstanceIsland initial={initial} viewer={operator} />);
    choose("Cancel");
    expect(confirm().disabled).toBe(true);
    expect(await screen.findByText("The task “Approve it” is withdrawn from bob.")).toBeTruthy();
    expect(calls[0]!.body).toEqual({ operation: "cancel", shouldCompensate: true });
    fireEvent.click(screen.getByLabelText("Undo what was completed"));
    await waitFor(() => expect(calls.at(-1)!.body).toEqual({ operation: "cancel", shouldCompensate: false }));
    await waitFor(() => expect(confirm().disabled).toBe(false));
    fireEvent.click(confirm());
    expect(await screen.findByText("Please give a reason.")).toBeTruthy();
    fireEvent.change(screen.getByLabelText(/Reason/), { target: { value: "ordered twice" } });
    fireEvent.click(confirm());
    await waitFor(() => expect(screen.getByText("The run was cancelled.")).toBeTruthy());
    const sent = calls.find((call) => call.path.endsWith("/cancel"))!;
    expect(sent.body).toEqual({ reason: "ordered twice", shouldCompensate: false });
    expect(sent.headers["Idempotency-Key"]).toBeTruthy();
  });

  it("shows why something is refused and does not offer it", async () => {
    const refusal = { allowed: false, refusal: "Refund undoes work; nothing moves there.", consequences: [] };
    const calls = fakeApi({ [`POST workflows/instances/${id}/preview`]: answer(refusal) });
    render(<InstanceIsland initial={initial} viewer={operator} />);
    choose("Move");
    expect(screen.getByText(/Fill in the fields above/)).toBeTruthy();
    fireEvent.change(screen.getByLabelText("To"), { target: { value: "pay" } });
    expect(await screen.findByText("Refund undoes work; nothing moves there.")).toBeTruthy();
    expect(calls[0]!.body).toEqual({ operation: "move", from: "approve", to: "pay" });
    expect(confirm().disabled).toBe(true);
  });

  it("retries where it stopped, on another version, with edited input", async () => {
    const failed = instance({
      status: "FAILED",
      state: {
        variables: {},
        currentStepId: "pay",
        steps: { pay: { status: "FAILED", input: { amount: 1 } } },
        waitingFor: [],
      },
    });
    failed.document.steps[0]!.taskId = "charge";
    const calls = fakeApi({
      ...after,
      "GET tasks/definitions/charge": { document: {} },
      "GET workflows/definitions/orders/versions": {
        items: [
          { version: "1.1.0", status: "published" },
          { version: "1.0.0", status: "published" },
        ],
      },
      [`POST workflows/instances/${id}/preview`]: answer({ operation: "retry", sentence: "The run goes on at Pay." }),
      [`POST workflows/instances/${id}/retry`]: {},
    });
    render(<InstanceIsland initial={{ ...initial, instance: failed }} viewer={operator} />);
    fireEvent.click(screen.getByRole("button", { name: "Retry" }));
    expect((screen.getByLabelText("Begin at") as HTMLSelectElement).selectedOptions[0]!.text).toBe(
      "Where it stopped: Pay",
    );
    await screen.findByText("1.1.0");
    fireEvent.change(screen.getByLabelText("On version"), { target: { value: "1.1.0" } });
    fireEvent.click(screen.getByLabelText("Edit the step's input"));
    fireEvent.change(screen.getByLabelText("Edited input as JSON"), { target: { value: "{ broken" } });
    expect(confirm().disabled).toBe(true);
    fireEvent.change(screen.getByLabelText("Edited input as JSON"), { target: { value: '{"amount": 2}' } });
    await waitFor(() => expect(confirm().disabled).toBe(false));
    fireEvent.click(confirm());
    await waitFor(() => expect(calls.some((call) => call.path.endsWith("/retry"))).toBe(true));
    expect(calls.find((call) => call.path.endsWith("/retry"))!.body).toEqual({
      version: "1.1.0",
      input: { amount: 2 },
    });
  });

  it("offers on a step what makes sense there", () => {
    const steps = { pay: { status: "COMPLETED" }, approve: { status: "WAITING" } } as const;
    const state = { ...initial.instance.state, steps };
    render(<InstanceIsland initial={{ ...initial, instance: instance({ state }) }} viewer={operator} />);
    const bars = within(screen.getByRole("list", { name: "Steps over time" }));
    fireEvent.click(bars.getByRole("button", { name: /Approval/ }));
    expect(screen.getByRole("button", { name: "Skip this step" })).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Move here" })).toBeNull();
    fireEvent.click(bars.getByRole("button", { name: /Pay/ }));
    expect(screen.getByRole("button", { name: "Move here" })).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Skip this step" })).toBeNull();
  });

  it("is worked by keys in its menu", () => {
    render(<InstanceIsland initial={initial} viewer={operator} />);
    const button = screen.getByRole("button", { name: "Steer" });
    fireEvent.keyDown(button, { key: "ArrowDown" });
    expect(document.activeElement?.textContent).toContain("Skip");
    fireEvent.keyDown(document.activeElement!, { key: "ArrowUp" });
    expect(document.activeElement?.textContent).toContain("Cancel");
    fireEvent.keyDown(document.activeElement!, { key: "Escape" });
    expect(screen.queryByRole("menu")).toBeNull();
    expect(document.activeElement).toBe(button);
  });
});

describe("looking back", () => {
  const past = {
    seq: 1,
    at: "2026-01-01T00:00:02Z",
    status: "RUNNING",
    definitionVersion: "1.0.0",
    variables: {},
    currentStepId: "pay",
    steps: { pay: { status: "RUNNING" } },
    positions: [{ executionId: "e1", stepId: "pay", visit: 1, since: "2026-01-01T00:00:02Z", attempts: 1 }],
    open: 1,
    eventCount: 0,
    output: null,
    error: null,
    cancellation: null,
    suspension: null,
  };
  const at = (point: string, state: object = past) => ({
    [`GET workflows/instances/${id}/history?at=${point}&limit=1`]: { items: [], next: null, state },
  });
  beforeEach(() => void fakeSockets());
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
    window.history.replaceState(null, "", "/");
  });

  it("shows the run as it was at an entry, keeps that in the address, and goes back to live", async () => {
    fakeApi(at("1"));
    render(<InstanceIsland initial={initial} viewer={operator} />);
    fireEvent.click(screen.getByRole("button", { name: "One entry back" }));
    expect(await screen.findByText(/It stood at pay/)).toBeTruthy();
    expect(new URL(location.href).searchParams.get("at")).toBe("1");
    expect(screen.queryByRole("button", { name: "Steer" })).toBeNull();
    fireEvent.click(screen.getByRole("button", { name: "Back to live" }));
    await waitFor(() => expect(screen.getByRole("button", { name: "Steer" })).toBeTruthy());
    expect(location.search).toBe("");
  });

  it("begins where the address says, be it a time", async () => {
    window.history.replaceState(null, "", "/?at=2026-01-01T00:00:02Z");
    fakeApi(at("2026-01-01T00%3A00%3A02Z"));
    render(<InstanceIsland initial={initial} viewer={operator} />);
    expect(await screen.findByText(/after entry 1 of 2/)).toBeTruthy();
    await waitFor(() => expect(new URL(location.href).searchParams.get("at")).toBe("1"));
  });

  it("says so when there is no such point", async () => {
    window.history.replaceState(null, "", "/?at=yesterday");
    fakeApi({
      [`GET workflows/instances/${id}/history`]: () => new Refusal(400, { title: "Bad", detail: "at is a time." }),
    });
    render(<InstanceIsland initial={initial} viewer={operator} />);
    expect(await screen.findByText("at is a time.")).toBeTruthy();
  });

  it("shows a long history in pages, the latest first, and the page of the point", async () => {
    const many = Array.from({ length: 5_000 }, (_, index) => entry(index + 1));
    fakeApi(at("250", { ...past, seq: 250 }));
    render(
      <InstanceIsland initial={{ ...initial, instance: instance({ seq: 5_000 }), history: many }} viewer={operator} />,
    );
    fireEvent.click(screen.getByRole("tab", { name: /History/ }));
    const listed = () =>
      within(screen.getByRole("list", { name: "History" })).getAllByRole("button", { name: /^See the run/ });
    expect(listed()).toHaveLength(PAGE);
    expect(listed().at(-1)!.textContent).toBe("5000");
    fireEvent.click(screen.getByRole("button", { name: "First" }));
    expect(listed()[0]!.textContent).toBe("1");
    fireEvent.change(screen.getByRole("slider"), { target: { value: "250" } });
    await waitFor(() => expect(listed()[0]!.textContent).toBe("201"));
  });
});

describe("what can be done to a run", () => {
  const state = initial.instance.state;
  it.each([
    ["CREATED", ["cancel"]],
    ["RUNNING", ["skip", "move", "suspend", "migrate", "cancel"]],
    ["SUSPENDED", ["resume", "migrate", "cancel"]],
    ["FAILED", ["retry", "skip"]],
    ["COMPENSATING", ["skip"]],
    ["COMPLETED", []],
  ] as const)("%s: %j", (status, verbs) => expect(possibleVerbs({ status, state })).toEqual(verbs));

  it("is told of an event only where it waits for one", () => {
    const waiting = { ...state, waitingFor: [{ kind: "EVENT" as const, stepId: "approve", title: "order.paid" }] };
    expect(possibleVerbs({ status: "WAITING_FOR_EVENT", state: waiting })[0]).toBe("signal");
  });
});
