import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fakeApi } from "@/testing/server";
import QueueVerbs, { consequences, type QueueNow } from "./index";

const queue = (more: Partial<QueueNow> = {}): QueueNow => ({
  id: "orders", status: "active", isDrained: false, isDefault: false, depth: 0, highWatermark: 100_000, retrying: 0, ...more,
}); // prettier-ignore

describe("what follows from a verb", () => {
  it("says how many wait and how many may still come", () => {
    expect(consequences("pause", queue({ depth: 12 }))[0]).toBe("Events still come in, up to 100,000; 12 wait now.");
    expect(consequences("pause", queue({ depth: 1 }))[0]).toContain("1 waits now");
    expect(consequences("pause", queue())[0]).toContain("none waits now");
    expect(consequences("pause", queue({ depth: 5, highWatermark: 5 })).join(" ")).toContain("It is full");
  });

  it("says what is dealt with before a queue is drained", () => {
    expect(consequences("drain", queue({ depth: 3, retrying: 2 }))[1]).toBe(
      "3 wait, 2 deliveries are to be tried again; all of that is dealt with, then the queue says that it is drained.",
    );
    expect(consequences("drain", queue())[1]).toBe("It is empty, so it is drained at once.");
  });

  it("says that what was refused is taken again", () => {
    expect(consequences("resume", queue({ status: "draining" }))).toContain("Events from outside are taken again.");
    expect(consequences("resume", queue({ status: "paused", depth: 1_200 }))[0]).toContain(
      "1,200 events are handed out",
    );
  });

  it("says where the events of a deleted queue go", () => {
    expect(consequences("delete", queue({ depth: 1, status: "paused" }))).toEqual([
      "1 event goes into the default queue and is handed out there.",
      "What its patterns fit goes into another queue from now on, the default one if no other fits.",
      "That it is paused ends with it.",
    ]);
  });
});

describe("the buttons of queues", () => {
  const heard = vi.fn();
  beforeEach(() => document.addEventListener("refresh:now", heard));
  afterEach(() => {
    cleanup();
    document.removeEventListener("refresh:now", heard);
    document.querySelector("#buttons")?.remove();
    vi.unstubAllGlobals();
    heard.mockReset();
  });

  const press = (verb: string, about: QueueNow) => {
    const span = document.createElement("span");
    span.id = "buttons";
    span.dataset.queue = JSON.stringify(about);
    span.innerHTML = `<button data-queue-verb="${verb}">do</button>`;
    document.body.append(span);
    fireEvent.click(span.querySelector("button")!);
  };

  it("want a reason before a queue is paused, then show the page anew", async () => {
    const calls = fakeApi({ "POST events/queues/orders/pause": {} });
    render(<QueueVerbs />);
    press("pause", queue({ depth: 2 }));
    const dialog = await screen.findByRole("dialog", { hidden: true });
    expect(dialog.textContent).toContain("2 wait now");
    fireEvent.submit(dialog.querySelector("form")!);
    expect(calls).toHaveLength(0);
    fireEvent.change(dialog.querySelector("textarea")!, { target: { value: "Stock count" } });
    fireEvent.submit(dialog.querySelector("form")!);
    await waitFor(() => expect(heard).toHaveBeenCalled());
    expect(calls[0]!.body).toEqual({ reason: "Stock count" });
    expect(calls[0]!.headers["Idempotency-Key"]).toBeTruthy();
  });

  it("ask nothing of a queue of another page part", () => {
    render(<QueueVerbs />);
    fireEvent.click(document.body);
    expect(screen.queryByRole("dialog", { hidden: true })).toBeNull();
  });
});
