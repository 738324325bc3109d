import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Call, fakeApi, Refusal } from "@/testing/server";
import TriggerTester from "../triggerTester";
import { consequences, verbsOf } from "../triggerVerbs";
import TriggerIsland, { anyOf, type TriggerDocument } from "./index";
import { byName, fieldsOf, modeOf, read, shown } from "./mapping";
import { fits, pathsOf, samplesOf } from "./samples";
import type { Verdict } from "./verdict";

const workflows = [{ id: "approval", name: "Approval", version: "1.0.0" }];
const inputSchema = {
  type: "object",
  required: ["amount"],
  properties: { amount: { type: "number", title: "Amount" }, orderId: { type: "string", title: "Order" } },
};
const events = [{ pattern: "orders.placed", name: "Order placed", examples: [{ order_id: "A-1", amount: 5 }] }];
const samples = { events, recent: [] };
const verdict: Verdict = {
  triggerId: "",
  name: "",
  workflowId: "approval",
  unsaved: true,
  state: "ACTIVE",
  eventPattern: "orders.placed",
  matches: true,
  reason: "A run of approval 1.0.0 is started.",
  input: { amount: 5 },
  inputViolations: [],
  correlationKey: null,
  would: "start",
  violations: [],
};
const tried = (...verdicts: Verdict[]) => ({ violations: [], verdicts, more: false, hints: [] });
const routes = {
  "POST workflows/triggers/test": tried(verdict),
  "GET workflows/definitions/approval/versions/1.0.0": { document: { inputSchema } },
};

function show(document: TriggerDocument | null = null, revision = 0) {
  return render(
    <TriggerIsland document={document} revision={revision} workflowId="" workflows={workflows} {...samples} />,
  );
}

describe("the form of a trigger", () => {
  const assign = vi.fn();
  beforeEach(() => {
    assign.mockReset();
    vi.stubGlobal("location", { ...window.location, assign });
  });
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
  });

  const choose = async () => {
    fireEvent.change(screen.getByLabelText(/When this event comes/), { target: { value: "orders.placed" } });
    fireEvent.change(screen.getByLabelText("Workflow"), { target: { value: "approval" } });
    await screen.findByRole("button", { name: "Field by field" });
  };

  it("creates a trigger whose input is made field by field", async () => {
    const calls = fakeApi({ ...routes, "POST workflows/triggers": { triggerId: "approval" } });
    show();
    await choose();
    fireEvent.change(screen.getByLabelText(/Only if/), { target: { value: "event.payload.amount > 3" } });
    fireEvent.click(screen.getByRole("button", { name: "Field by field" }));
    fireEvent.change(screen.getByLabelText("Amount"), { target: { value: "${event.payload.amount}" } });
    fireEvent.click(screen.getByRole("button", { name: "Create trigger" }));
    await waitFor(() => expect(assign).toHaveBeenCalledWith("/events/triggers/approval"));
    expect(calls.find((each) => each.path === "workflows/triggers")?.body).toEqual({
      eventPattern: "orders.placed",
      triggerType: "START",
      workflowId: "approval",
      eventCondition: "event.payload.amount > 3",
      inputMapping: { amount: "${event.payload.amount}" },
    });
  });

  it("fills in what is called the same in the event", async () => {
    fakeApi(routes);
    show();
    await choose();
    fireEvent.click(screen.getByRole("button", { name: "Field by field" }));
    fireEvent.click(screen.getByRole("button", { name: "Fill in what is called the same" }));
    expect((screen.getByLabelText("Amount") as HTMLInputElement).value).toBe("${event.payload.amount}");
    expect((screen.getByLabelText(/^Order/) as HTMLInputElement).value).toBe("${event.payload.order_id}");
  });

  it("is tried on an event while it is written", async () => {
    const calls = fakeApi(routes);
    show();
    await choose();
    expect(await screen.findByText("A run of approval 1.0.0 is started.")).toBeTruthy();
    const body = calls.findLast((each: Call) => each.path === "workflows/triggers/test")?.body;
    expect(body).toMatchObject({
      event: events[0] && { payload: events[0].examples[0] },
      trigger: { workflowId: "approval" },
    });
  });

  it("shows a problem at its field, and a warning without alarm", async () => {
    const violations: Verdict["violations"] = [
      { code: "unknown-field", severity: "error", pointer: "/eventCondition", message: "There is no such field." },
      { code: "unknown-event", severity: "warning", pointer: "/eventPattern", message: "Nobody has defined it." },
    ];
    fakeApi({ ...routes, "POST workflows/triggers/test": tried({ ...verdict, violations }) });
    show();
    await choose();
    expect((await screen.findByRole("alert")).textContent).toContain("There is no such field.");
    expect(screen.getByText(/Nobody has defined it/).className).toBe("field-hint");
  });

  it("takes no input where it cancels", async () => {
    const calls = fakeApi({ ...routes, "POST workflows/triggers": { triggerId: "x" } });
    show();
    await choose();
    fireEvent.click(screen.getByRole("button", { name: "JSON" }));
    fireEvent.click(screen.getByRole("button", { name: "Cancels the runs of" }));
    fireEvent.change(screen.getByLabelText(/Business case/), { target: { value: "event.payload.order_id" } });
    fireEvent.click(screen.getByRole("button", { name: "Create trigger" }));
    await waitFor(() => expect(assign).toHaveBeenCalled());
    expect(calls.find((each) => each.path === "workflows/triggers")?.body).toEqual({
      eventPattern: "orders.placed",
      triggerType: "CANCEL",
      workflowId: "approval",
      correlationKey: "event.payload.order_id",
    });
  });

  it("saves against the revision that was read", async () => {
    const calls = fakeApi({
      ...routes,
      "PUT workflows/triggers/t": new Refusal(412, { title: "Changed", detail: "It was changed by someone else." }),
    });
    show({ triggerId: "t", workflowId: "approval", eventPattern: "orders.placed", inputMapping: { other: 1 } }, 3);
    await screen.findByLabelText("Input as JSON");
    fireEvent.click(screen.getByRole("button", { name: "Save trigger" }));
    expect(await screen.findByText("It was changed by someone else.")).toBeTruthy();
    expect(calls.find((each) => each.method === "PUT")?.headers["If-Match"]).toBe('"3"');
  });
});

describe("trying an event", () => {
  afterEach(cleanup);

  it("says of each trigger what it would do, those that act first", async () => {
    const skipping = {
      ...verdict,
      triggerId: "b",
      would: "skip" as const,
      matches: false,
      reason: "`event.payload.x` is false.",
    };
    fakeApi({ ...routes, "POST workflows/triggers/test": tried(skipping, { ...verdict, triggerId: "a" }) });
    render(<TriggerTester {...samples} pattern="" />);
    await screen.findByText("A run of approval 1.0.0 is started.");
    expect(screen.getAllByRole("link").map((each) => each.textContent)).toEqual(["a", "b"]);
    expect(screen.getByText("event.payload.x").tagName).toBe("CODE");
  });

  it("begins with an event that the pattern asks for", () => {
    fakeApi(routes);
    render(<TriggerTester {...samples} pattern="orders.*" />);
    expect((screen.getByLabelText("Name") as HTMLInputElement).value).toBe("orders.placed");
  });

  it("says where nothing waits for it, and what nearly does", async () => {
    const hints = [{ eventPattern: "order.placed", sentence: "order.placed would fit but for one word." }];
    fakeApi({ ...routes, "POST workflows/triggers/test": { ...tried(), hints } });
    render(<TriggerTester {...samples} pattern="" />);
    expect(await screen.findByText("No trigger waits for orders.placed")).toBeTruthy();
    expect(screen.getByText("order.placed would fit but for one word.")).toBeTruthy();
  });
});

describe("patterns, samples and mappings", () => {
  it.each([
    ["orders.*", "orders.placed", true],
    ["orders.*", "orders.placed.late", false],
    ["orders.**", "orders", true],
    ["**.failed", "a.b.failed", true],
    ["*.b.*", "a.b.c", true],
    ["orders.placed", "orders.shipped", false],
  ])("%s and %s", (pattern, name, expected) => expect(fits(pattern, name)).toBe(expected));

  it("offers only events that the pattern asks for", () => {
    const recent = [
      { eventId: "1", pattern: "orders.placed", at: "2027-01-04T08:00:00Z", payload: 1, metadata: {}, source: {} },
    ];
    expect(samplesOf({ events, recent }, "orders.*").map((each) => each.label)).toEqual([
      "orders.placed, recorded 2027-01-04 08:00 UTC",
      "orders.placed, example",
    ]);
    expect(samplesOf({ events, recent }, "x")).toEqual([]);
    expect(anyOf("orders.**.late.*")).toBe("orders.any.late.any");
  });

  it("names every path into a payload", () => {
    expect(pathsOf({ a: { b: 1 }, "c-d": [1] })).toEqual([
      "event.payload",
      "event.payload.a",
      "event.payload.a.b",
      'event.payload["c-d"]',
    ]);
  });

  it("reads texts as the field takes them", () => {
    expect([read("3", "number"), read("3", "string"), read("true", "boolean"), read("x", "number")]).toEqual([
      3,
      "3",
      true,
      "x",
    ]);
    expect([read("", "string"), read("${event.payload.n}", "number")]).toEqual([undefined, "${event.payload.n}"]);
    expect([shown(undefined), shown(3), shown("x"), shown({ a: 1 })]).toEqual(["", "3", "x", '{"a":1}']);
  });

  it("shows a mapping by fields only where it has no others", () => {
    const fields = fieldsOf(inputSchema);
    expect(modeOf(undefined, fields)).toBe("payload");
    expect(modeOf({ amount: 1 }, fields)).toBe("fields");
    expect(modeOf({ other: 1 }, fields)).toBe("json");
    expect(modeOf("${event.payload}", fields)).toBe("json");
    expect(byName(fields, { x: { amount: 1 } }, { orderId: "kept" })).toEqual({
      orderId: "kept",
      amount: "${event.payload.x.amount}",
    });
  });
});

describe("the verbs of a trigger", () => {
  it("offers what makes sense", () => {
    expect(verbsOf({ state: "ACTIVE", mayOperate: true, mayEdit: true })).toEqual(["pause", "delete"]);
    expect(verbsOf({ state: "PAUSED", mayOperate: true, mayEdit: false })).toEqual(["resume"]);
  });

  it("says that what comes meanwhile is left out", () => {
    const about = { pattern: "orders.placed", cancels: false, workflow: "Approval" };
    expect(consequences("pause", about)).toEqual([
      "Events named orders.placed start no Approval until it is resumed.",
      "Those that come meanwhile pass it by for good.",
    ]);
  });
});
