import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { MockSuggestion } from "@/lib/documents";
import { fakeApi, Refusal } from "@/testing/server";
import DryRunIsland from "./index";
import { mockOf, toRequest } from "./mocks";

vi.mock("@/components/graph/WorkflowGraph", () => ({ WorkflowGraph: () => <div /> }));

const pay: MockSuggestion = { stepId: "pay", name: "Pay", kind: "TASK", taskId: "charge", response: { id: "text" } };
const ask: MockSuggestion = {
  stepId: "ask",
  name: "Ask",
  kind: "HUMAN",
  response: {},
  action: "approve",
  actions: ["approve", "reject"],
};
const document_ = {
  workflowId: "orders",
  inputSchema: { type: "object", required: ["n"], properties: { n: { type: "integer", title: "Number" } } },
  steps: [
    { stepId: "pay", taskId: "charge", next: "ask" },
    { stepId: "ask", type: "HUMAN_TASK" },
  ],
};
const result = {
  status: "COMPLETED",
  path: ["pay", "ask"],
  steps: { pay: { status: "COMPLETED", startedAt: "2026-01-01T00:00:00Z" } },
  output: { ok: true },
  error: null,
  variables: {},
  tasks: [
    {
      stepId: "ask", visit: 1, attempt: 1, kind: "MANUAL", taskId: null, input: {}, at: "2026-01-01T00:00:02Z", seconds: 2,
      answer: null, answeredAt: null, error: null,
      person: {
        title: "Approve O-1", assignee: null, candidateUsers: [], candidateGroups: ["manager"], dueAt: null,
        priority: "LOW", problem: null,
      },
    },
  ],
  events: [],
  effects: {
    sentence: "Live it would make 1 outside call and open 1 task for people.",
    calls: [
      { stepId: "pay", taskId: "charge", attempt: 1, at: "2026-01-01T00:00:00Z", kind: "HTTP", method: "POST", endpoint: "e",
        url: "https://pay.example.com/1", headers: { Authorization: "•••" }, body: {} },
    ],
    children: [],
    each: [],
  },
  waitsAt: [],
  startedAt: "2026-01-01T00:00:00Z",
  seconds: 62,
  history: [],
}; // prettier-ignore

const show = () => render(<DryRunIsland document={document_} mocks={[pay, ask]} example={{ n: 7 }} />);
const play = () => fireEvent.click(screen.getByRole("button", { name: "Dry run" }));

describe("trying a workflow out", () => {
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
  });

  it("sends the input and an answer for each step, and tells what would happen", async () => {
    const calls = fakeApi({ "POST workflows/definitions/dry-run": result });
    show();
    play();
    expect(calls).toEqual([]);
    fireEvent.click(screen.getByRole("button", { name: "Fill in an example" }));
    play();
    expect(await screen.findByText("It would end after 1 min 2 s")).toBeTruthy();
    expect(calls[0]!.body).toEqual({
      definition: document_,
      input: { n: 7 },
      mocks: [
        { stepId: "pay", response: { id: "text" } },
        { stepId: "ask", response: {}, action: "approve" },
      ],
    });
    fireEvent.click(screen.getByRole("tab", { name: /Outside/ }));
    expect(screen.getByText("POST https://pay.example.com/1")).toBeTruthy();
    expect(screen.getByText(/after 2 s · for manager/)).toBeTruthy();
  });

  it("tells what each item does in one line, and the runs that would be started with their input", async () => {
    const call = result.effects.calls[0];
    const child = {
      stepId: "ask", workflowId: "refund", version: "2.0.0", input: { amount: 9 }, at: result.startedAt, wait: true,
    }; // prettier-ignore
    fakeApi({
      "POST workflows/definitions/dry-run": {
        ...result,
        tasks: [],
        effects: {
          sentence: "Live it would make 1,000 outside calls and start 1 run of another workflow.",
          calls: [call, { ...call, url: "https://pay.example.com/2" }],
          children: [child],
          each: [
            { stepId: "pay", kind: "CALL", items: 1000, count: 1000, sentence: "Each of 1,000 items makes 1 call." },
          ],
        },
      },
    });
    show();
    fireEvent.click(screen.getByRole("button", { name: "Fill in an example" }));
    play();
    fireEvent.click(await screen.findByRole("tab", { name: /Outside 1,001|Outside1,001/ }));
    expect(screen.getByText("Each of 1,000 items makes 1 call.")).toBeTruthy();
    expect(screen.getByText("refund").parentElement!.textContent).toBe("refund 2.0.0");
    expect(screen.getByText(/its end is waited for/)).toBeTruthy();
    const row = screen.getByText("Each of 1,000 items makes 1 call.").closest("li")!;
    expect(row.textContent).toContain("https://pay.example.com/2");
  });

  it("shows what is wrong where it is wrong", async () => {
    fakeApi({
      "POST workflows/definitions/dry-run": new Refusal(422, {
        title: "No",
        detail: "The definition has errors.",
        violations: [{ code: "x", severity: "error", pointer: "/steps/0/next", message: "There is no step ghost." }],
      }),
    });
    show();
    fireEvent.click(screen.getByRole("button", { name: "Fill in an example" }));
    play();
    expect(await screen.findByText(/There is no step ghost/)).toBeTruthy();
    await waitFor(() => expect(screen.getByRole("button", { name: "Dry run" }).hasAttribute("disabled")).toBe(false));
  });

  it("lets a step fail a few times and answer then", () => {
    const failing = { ...mockOf(pay), mode: "fails" as const, errorType: "TRANSIENT", errorCode: "BUSY", times: "2" };
    expect(toRequest(failing)).toEqual([
      { stepId: "pay", times: 2, error: { type: "TRANSIENT", code: "BUSY" } },
      { stepId: "pay", response: { id: "text" } },
    ]);
    expect(toRequest({ ...mockOf(pay), mode: "silent" })).toEqual([]);
  });
});
