import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fakeApi, Refusal } from "@/testing/server";
import StartIsland from "./index";

const inputSchema = {
  type: "object",
  required: ["item", "amount"],
  properties: {
    amount: { type: "number", title: "Amount", exclusiveMinimum: 0 },
    item: { type: "string", title: "Item", minLength: 1 },
  },
  examples: [{ item: "Desk", amount: 12 }],
};

const show = () => render(<StartIsland workflowId="buy" version="1.0.0" inputSchema={inputSchema} />);
const start = () => fireEvent.click(screen.getByRole("button", { name: /Start run/ }));

describe("starting a run", () => {
  const assign = vi.fn();
  beforeEach(() => {
    assign.mockReset();
    vi.stubGlobal("location", { ...window.location, assign });
  });
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
  });

  it("shows fields in the order of `required`, not of the document", () => {
    show();
    const fields = [...document.querySelectorAll("input[id^=input_]")].map((field) => field.id);
    expect(fields).toEqual(["input_item", "input_amount"]);
  });

  it("sends the version one sees, and goes to the run", async () => {
    const calls = fakeApi({ "POST workflows/instances": { id: "r1" } });
    show();
    start();
    expect(calls).toEqual([]);
    fireEvent.click(screen.getByRole("button", { name: "Fill in the example" }));
    start();
    await waitFor(() => expect(assign).toHaveBeenCalledWith("/instances/r1"));
    expect(calls[0]?.body).toEqual({ workflowId: "buy", version: "1.0.0", input: { item: "Desk", amount: 12 } });
  });

  it("uses a new idempotency key after a refusal, the same after a lost answer", async () => {
    let round = 0;
    const calls = fakeApi({
      "POST workflows/instances": () => {
        round += 1;
        if (round === 1) throw new TypeError("network");
        return new Refusal(422, {
          title: "No",
          detail: "No.",
          violations: [{ code: "x", severity: "error", pointer: "/input/item", message: "Sold out." }],
        });
      },
    });
    show();
    fireEvent.click(screen.getByRole("button", { name: "Fill in the example" }));
    start();
    await screen.findByText(/cannot be reached/);
    start();
    const finding = await screen.findByText("Sold out.");
    expect(finding.closest("[data-field]")?.getAttribute("data-field")).toBe("input_item");
    start();
    await waitFor(() => expect(calls).toHaveLength(3));
    const keys = calls.map((call) => call.headers["Idempotency-Key"]);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[2]).not.toBe(keys[1]);
  });

  it("takes JSON too, and says where it is none", async () => {
    show();
    fireEvent.click(screen.getByRole("button", { name: "JSON" }));
    const text = screen.getByLabelText("Input as JSON");
    fireEvent.change(text, { target: { value: "{ broken" } });
    expect(screen.getByRole("button", { name: /Start run/ }).hasAttribute("disabled")).toBe(true);
    fireEvent.change(text, { target: { value: '{"item": "", "amount": 1}' } });
    expect(await screen.findByText("This must not be empty.")).toBeTruthy();
  });
});
