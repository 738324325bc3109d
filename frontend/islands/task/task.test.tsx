import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { TaskDetail } from "@/lib/documents";
import { FakeSocket, fakeApi, fakeSockets, Refusal } from "@/testing/server";
import TaskIsland from "./index";

const me = { id: "u-bob" };
const bob = { id: "u-bob", username: "bob", fullName: "Bob Baker" };
const ann = { id: "u-ann", username: "ann", fullName: "Ann Archer" };

function task(more: Partial<TaskDetail> = {}): TaskDetail {
  return {
    id: "t1",
    title: "Approve laptop",
    description: "",
    status: "ASSIGNED",
    priority: "MEDIUM",
    workflowInstanceId: null,
    stepId: null,
    assignee: bob,
    candidateUsers: [],
    candidateGroups: [],
    completedBy: null,
    outcome: null,
    dueAt: null,
    overdue: false,
    createdAt: "2026-01-01T00:00:00Z",
    startedAt: null,
    completedAt: null,
    version: 1,
    input: { amount: 1500 },
    output: null,
    error: null,
    form: {
      type: "object",
      required: ["comment"],
      properties: { comment: { type: "string", title: "Comment", minLength: 1 } },
    },
    actions: [
      { actionKey: "approve", label: "Approve", style: "primary" },
      { actionKey: "reject", label: "Reject", style: "danger", confirmation: "The requester is told at once." },
    ],
    draft: null,
    comments: [],
    allowed: ["release", "draft", "complete", "comment"],
    ...more,
  };
}

const show = (given: TaskDetail) => render(<TaskIsland initial={given} user={me} workflowName={null} />);
const type = (text: string) => fireEvent.input(screen.getByLabelText(/^Comment/), { target: { value: text } });
const none = { items: [] };

describe("the page of a task", () => {
  beforeEach(() => void fakeSockets());
  afterEach(() => {
    cleanup();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("does not send what the form's schema refuses", async () => {
    const calls = fakeApi({});
    show(task());
    fireEvent.click(screen.getByRole("button", { name: "Approve" }));
    expect(await screen.findByText("This is required.")).toBeTruthy();
    expect(calls).toEqual([]);
  });

  it("completes with the action and offers the next task", async () => {
    const calls = fakeApi({
      "POST tasks/t1/complete": task({
        status: "COMPLETED",
        outcome: "approve",
        completedBy: bob,
        completedAt: "2026-01-02T00:00:00Z",
      }),
      "GET tasks?box=overdue&limit=2": none,
      "GET tasks?box=my&limit=2": { items: [task(), task({ id: "t2", title: "The next one" })] },
      "PUT tasks/t1/draft": {},
    });
    show(task());
    type("fine");
    fireEvent.click(screen.getByRole("button", { name: "Approve" }));
    expect(await screen.findByText("The next one")).toBeTruthy();
    const sent = calls.find((call) => call.method === "POST")!;
    expect(sent.body).toEqual({ action: "approve", output: { comment: "fine" } });
    expect(screen.getByRole("link", { name: /Open/ }).getAttribute("href")).toBe("/tasks/t2");
  });

  it("asks before an action that wants to be confirmed", async () => {
    const calls = fakeApi({
      "POST tasks/t1/complete": task({ status: "COMPLETED" }),
      "GET tasks": none,
      "PUT tasks/t1/draft": {},
    });
    show(task({ draft: { comment: "no" } }));
    fireEvent.click(screen.getByRole("button", { name: "Reject" }));
    expect(screen.getByText("The requester is told at once.")).toBeTruthy();
    expect(calls).toEqual([]);
    fireEvent.click(document.querySelector<HTMLButtonElement>("dialog button[type=submit]")!);
    await waitFor(() => expect(calls[0]?.body).toEqual({ action: "reject", output: { comment: "no" } }));
  });

  it("shows the server's findings at their fields", async () => {
    fakeApi({
      "POST tasks/t1/complete": new Refusal(422, {
        title: "Unprocessable",
        detail: "The answer does not fit the task.",
        violations: [{ code: "x", severity: "error", pointer: "/output/comment", message: "Not polite enough." }],
      }),
    });
    show(task({ draft: { comment: "no" } }));
    fireEvent.click(screen.getByRole("button", { name: "Approve" }));
    const finding = await screen.findByText("Not polite enough.");
    expect(finding.closest("[data-field]")?.getAttribute("data-field")).toBe("answer_comment");
  });

  it("says who has taken it when somebody was faster", async () => {
    fakeApi({
      "POST tasks/t1/claim": new Refusal(409, { title: "Conflict", detail: "Somebody else has taken this task." }),
      "GET tasks/t1": task({ assignee: ann, allowed: ["comment"] }),
    });
    show(task({ assignee: null, status: "PENDING", allowed: ["claim", "complete", "draft"] }));
    fireEvent.click(screen.getByRole("button", { name: "Claim" }));
    expect(await screen.findByText(/Taken by Ann Archer/)).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Approve" })).toBeNull();
  });

  it("learns by a hint that somebody else has taken it", async () => {
    fakeApi({ "GET tasks/t1": task({ assignee: ann, allowed: [] }) });
    show(task({ assignee: null, status: "PENDING", allowed: ["claim", "complete"] }));
    act(() => FakeSocket.all[0]!.say({ seq: 1, type: "tasks.changed" }));
    expect(await screen.findByText(/Taken by Ann Archer/)).toBeTruthy();
  });

  it("keeps what was typed as a draft, once it is quiet, but not what the form filled in by itself", async () => {
    vi.useFakeTimers();
    const calls = fakeApi({ "PUT tasks/t1/draft": {} });
    show(task());
    await act(() => vi.advanceTimersByTimeAsync(2_000));
    expect(calls).toEqual([]);
    type("a");
    type("ab");
    await act(() => vi.advanceTimersByTimeAsync(2_000));
    expect(calls.map((call) => call.body)).toEqual([{ draft: { comment: "ab" } }]);
    expect(screen.getByText(/Draft saved/)).toBeTruthy();
  });

  it("renders a hostile title and comment as text", () => {
    const text = "<img src=x onerror=alert(1)>";
    const { container } = show(
      task({ title: text, comments: [{ id: "c", author: ann, text, createdAt: "2026-01-01T00:00:01Z" }] }),
    );
    expect(container.querySelector("img")).toBeNull();
    expect(screen.getAllByText(text)).toHaveLength(2);
  });
});
