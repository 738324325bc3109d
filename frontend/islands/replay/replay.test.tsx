import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { fakeApi } from "@/testing/server";
import ReplayIsland from "./index";

describe("replaying a dead letter", () => {
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
  });

  it("says what will happen, and asks for it once with the note", async () => {
    const reload = vi.fn();
    vi.stubGlobal("location", { ...window.location, reload });
    const calls = fakeApi({ "POST events/dead-letters/7/replay": {} });
    render(<ReplayIsland letterId="7" subscriber="Start billing" />);
    fireEvent.click(screen.getByRole("button", { name: "Replay" }));
    expect(screen.getByRole("dialog", { hidden: true }).textContent).toContain("Start billing");
    expect(calls).toEqual([]);
    fireEvent.change(screen.getByLabelText(/Reason/), { target: { value: "The mapping is mended." } });
    fireEvent.click(screen.getAllByRole("button", { name: "Replay", hidden: true }).at(-1) as HTMLElement);
    await vi.waitFor(() => expect(reload).toHaveBeenCalled());
    expect(calls.map((call) => call.body)).toEqual([{ notes: "The mapping is mended." }]);
    expect(calls[0]?.headers["Idempotency-Key"]).toBeTruthy();
  });
});
