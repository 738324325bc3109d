import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { fakeApi, Refusal } from "@/testing/server";
import TryEventIsland, { type TryEventProps } from "./index";

const schema = {
  type: "object",
  required: ["orderId"],
  properties: {
    orderId: { type: "string", title: "Order id", minLength: 1 },
    address: {
      type: "object",
      required: ["city"],
      properties: { city: { type: "string" }, country: { type: "string", default: "DE" } },
    },
  },
};
const TRY = "POST events/definitions/Orders.shipped/try";

function show(more: Partial<TryEventProps> = {}) {
  render(
    <TryEventIsland
      eventId="Orders.shipped"
      pattern="orders.shipped"
      version="1.0.0"
      schema={schema}
      examples={[{ orderId: "ORD-1" }, { orderId: "ORD-2" }]}
      mayRecord
      {...more}
    />,
  );
}

const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));

describe("trying an event", () => {
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
  });

  it("begins with an example, and sends of it neither more nor less", async () => {
    const calls = fakeApi({ [TRY]: { valid: true, violations: [], event: { pattern: "orders.shipped" } } });
    show();
    press("Check");
    expect(await screen.findByText("This payload fits.")).toBeTruthy();
    press("Example 2");
    press("Check");
    await waitFor(() => expect(calls).toHaveLength(2));
    expect(calls.map((call) => call.body)).toEqual([
      { payload: { orderId: "ORD-1" }, version: "1.0.0" },
      { payload: { orderId: "ORD-2" }, version: "1.0.0" },
    ]);
  });

  it("shows what the server finds at its field, and warnings beside", async () => {
    fakeApi({
      [TRY]: {
        valid: false,
        violations: [
          { code: "x", severity: "error", pointer: "/payload/orderId", message: "No such order." },
          { code: "not-in-force", severity: "warning", pointer: "", message: "Version 1.0.0 is a draft." },
        ],
        event: {},
      },
    });
    show();
    press("Check");
    const finding = await screen.findByText("No such order.");
    expect(finding.closest("[data-field]")?.getAttribute("data-field")).toBe("payload_orderId");
    expect(screen.getByText("Version 1.0.0 is a draft.")).toBeTruthy();
  });

  it("records, and leads to the event's story", async () => {
    const answer = { accepted: 1, duplicates: 0, events: [{ eventId: "e/1", status: "accepted" }] };
    const calls = fakeApi({ "POST events": answer });
    show();
    press("Record event");
    const link = await screen.findByRole("link");
    expect(link.getAttribute("href")).toBe("/events/e%2F1");
    expect(calls[0]?.body).toEqual({ pattern: "orders.shipped", payload: { orderId: "ORD-1" }, version: "1.0.0" });
    press("Record event");
    await waitFor(() => expect(calls).toHaveLength(2));
    const keys = calls.map((call) => call.headers["Idempotency-Key"]);
    expect(keys[0]).not.toBe(keys[1]);
  });

  it("sends the same once more after a lost answer", async () => {
    const calls = fakeApi({
      "POST events": () => {
        throw new TypeError("network");
      },
    });
    show();
    press("Record event");
    await screen.findByText(/cannot be reached/);
    press("Record event");
    await waitFor(() => expect(calls).toHaveLength(2));
    const keys = calls.map((call) => call.headers["Idempotency-Key"]);
    expect(keys[0]).toBe(keys[1]);
  });

  it("says why an event was refused, at its field", async () => {
    const violations = [{ code: "x", severity: "error", pointer: "/0/payload/orderId", message: "Too old." }];
    fakeApi({ "POST events": new Refusal(422, { title: "No", detail: "An event was refused.", violations }) });
    show();
    press("Record event");
    expect(await screen.findByText("An event was refused.")).toBeTruthy();
    expect(screen.getByText("Too old.").closest("[data-field]")?.getAttribute("data-field")).toBe("payload_orderId");
  });

  it("only checks where one may not record", () => {
    show({ mayRecord: false });
    expect(screen.queryByRole("button", { name: "Record event" })).toBeNull();
  });
});
