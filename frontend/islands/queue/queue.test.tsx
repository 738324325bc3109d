import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fakeApi, Refusal } from "@/testing/server";
import QueueIsland, { lines } from "./index";

const SAVED = {
  id: "orders",
  patterns: ["orders.**"],
  config: { batchSize: 50, highWatermark: 9, maxRetries: 0, retryDelay: "PT5M", partitionKey: "event.payload.id" },
  revision: 3,
};
const HOLDS = { valid: true, violations: [], reads: [{ path: ["event", "payload", "id"], optional: false }] };

describe("the settings of a queue", () => {
  const assign = vi.fn();
  beforeEach(() => vi.stubGlobal("location", { assign }));
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
    assign.mockReset();
  });

  it("are saved over what was read", async () => {
    const calls = fakeApi({ "POST validation/expressions": HOLDS, "PUT events/queues/orders": {} });
    render(<QueueIsland queue={SAVED} />);
    fireEvent.change(screen.getByLabelText(/Patterns/), { target: { value: "orders.**\n\n returns.* " } });
    fireEvent.click(screen.getByRole("button", { name: "Save settings" }));
    await waitFor(() => expect(assign).toHaveBeenCalledWith("/events/queues/orders"));
    const put = calls.find((each) => each.method === "PUT")!;
    expect(put.body).toEqual({ patterns: ["orders.**", "returns.*"], config: SAVED.config });
    expect(put.headers["If-Match"]).toBe('"3"');
  });

  it("say what the expression of the order reads, or what is wrong with it", async () => {
    fakeApi({
      "POST validation/expressions": ({ body }: { body: { expression: string; roots: string[] } }) =>
        body.expression.endsWith("(")
          ? { valid: false, reads: [], violations: [{ code: "syntax", severity: "error", pointer: "", message: "A name is missing." }] }
          : HOLDS,
    }); // prettier-ignore
    render(<QueueIsland queue={SAVED} />);
    expect(await screen.findByText("event.payload.id", { selector: "code" })).toBeTruthy();
    fireEvent.change(screen.getByPlaceholderText("event.payload.orderId"), { target: { value: "event.(" } });
    expect(await screen.findByText(/A name is missing/)).toBeTruthy();
    expect(screen.getByRole<HTMLButtonElement>("button", { name: "Save settings" }).disabled).toBe(true);
  });

  it("show what the server refuses where it stands", async () => {
    fakeApi({
      "POST validation/expressions": HOLDS,
      "PUT events/queues/orders": new Refusal(422, {
        detail: "The queue cannot be set up like that.",
        violations: [{ code: "pattern", severity: "error", pointer: "/patterns/0", message: "This is no pattern." }],
      }),
    });
    render(<QueueIsland queue={SAVED} />);
    fireEvent.click(screen.getByRole("button", { name: "Save settings" }));
    expect(await screen.findAllByText(/This is no pattern/)).toHaveLength(2);
    expect(screen.getByLabelText(/Patterns/).getAttribute("aria-invalid")).toBe("true");
  });

  it("of a new queue do not overwrite those of one with the same name", async () => {
    const calls = fakeApi({ "GET events/queues/orders": SAVED });
    render(<QueueIsland queue={null} />);
    fireEvent.change(screen.getByLabelText(/Name/), { target: { value: "orders" } });
    fireEvent.click(screen.getByRole("button", { name: "Create queue" }));
    expect(await screen.findByText(/There is a queue of that name/)).toBeTruthy();
    expect(calls.some((each) => each.method === "PUT")).toBe(false);
  });

  it("of the default queue have no patterns", () => {
    fakeApi({});
    render(<QueueIsland queue={{ ...SAVED, id: "default", patterns: [], config: {} }} />);
    expect(screen.queryByLabelText(/Patterns/)).toBeNull();
  });
});

describe("patterns", () => {
  it("stand one a line, or with commas", () => {
    expect(lines(" a.b\n\nc.*, d.** \n")).toEqual(["a.b", "c.*", "d.**"]);
  });
});
