import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { consequences } from "@/components/ui/LetterDialog";
import { fakeApi } from "@/testing/server";
import LettersIsland from "./index";

const choose = (detail: object) =>
  act(
    () =>
      void document.dispatchEvent(
        new CustomEvent("letters:selection", {
          detail: { ids: [], all: false, filter: {}, workflow: null, ...detail },
        }),
      ),
  );
const list = (count: number, underWay = 0) => {
  document.getElementById("results")?.remove();
  const element = document.createElement("div");
  element.id = "results";
  Object.assign(element.dataset, { count: String(count), underWay: String(underWay), readAt: "2026-11-25T12:00:00Z" });
  document.body.append(element);
};
const dialog = () => document.querySelector<HTMLDialogElement>("dialog")!;
const confirm = () => fireEvent.submit(dialog().querySelector("form")!);

describe("many dead letters", () => {
  beforeEach(() => list(1_234));
  afterEach(() => {
    cleanup();
    document.getElementById("results")?.remove();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("are replayed by what the filter says, up to when the list was read", async () => {
    const calls = fakeApi({ "POST events/dead-letters/replay": { count: 1_234 } });
    render(<LettersIsland />);
    choose({ ids: ["1"] });
    expect(screen.getByRole("button", { name: "Select all 1,234 that fit" })).toBeTruthy();
    choose({ all: true, filter: { errorCode: "TIMEOUT" } });
    fireEvent.click(screen.getByRole("button", { name: "Replay" }));
    expect(dialog().textContent).toContain("1,234 events are handled as if they had just come");
    confirm();
    await waitFor(() => expect(calls).toHaveLength(1));
    expect(calls[0]!.body).toEqual({ filter: { errorCode: "TIMEOUT", until: "2026-11-25T12:00:00Z" }, notes: "" });
  });

  it("are discarded only with a reason", async () => {
    const calls = fakeApi({ "POST events/dead-letters/discard": { count: 2 } });
    render(<LettersIsland />);
    choose({ ids: ["1", "2"] });
    fireEvent.click(screen.getByRole("button", { name: "Discard" }));
    confirm();
    expect(calls).toHaveLength(0);
    fireEvent.change(dialog().querySelector("textarea")!, { target: { value: "Old." } });
    confirm();
    expect(await screen.findByText("2 letters discarded.")).toBeTruthy();
    expect(calls[0]!.body).toEqual({ filter: { ids: ["1", "2"] }, notes: "Old." });
  });

  it("are replayed at a time that is still to come", async () => {
    const calls = fakeApi({ "POST events/dead-letters/replay": { count: 1 } });
    render(<LettersIsland />);
    choose({ ids: ["1"] });
    fireEvent.click(screen.getByRole("button", { name: "Replay" }));
    fireEvent.click(dialog().querySelectorAll("input[type=radio]")[1]!);
    const field = dialog().querySelector<HTMLInputElement>("input[type=datetime-local]")!;
    fireEvent.change(field, { target: { value: "2001-01-01T10:00" } });
    expect(dialog().querySelector<HTMLButtonElement>("button[type=submit]")!.disabled).toBe(true);
    fireEvent.change(field, { target: { value: "2099-01-01T10:00" } });
    confirm();
    expect(await screen.findByText(/1 letter will be replayed/)).toBeTruthy();
    expect(calls[0]!.body).toMatchObject({ at: new Date("2099-01-01T10:00").toISOString() });
  });

  it("are followed until none is under way any more", async () => {
    fakeApi({ "POST events/dead-letters/replay": { count: 3 } });
    const refreshed = vi.fn();
    document.addEventListener("refresh:now", refreshed);
    render(<LettersIsland />);
    choose({ ids: ["1", "2", "3"] });
    fireEvent.click(screen.getByRole("button", { name: "Replay" }));
    confirm();
    await screen.findByText("0 of 3 replayed …");
    const settle = (underWay: number) => {
      list(0, underWay);
      act(() => void document.dispatchEvent(new CustomEvent("htmx:afterSettle")));
    };
    settle(1);
    expect(screen.getByText("2 of 3 replayed …")).toBeTruthy();
    settle(0);
    expect(screen.getByText(/3 replayed\. What was handled is resolved/)).toBeTruthy();
    expect(refreshed).toHaveBeenCalled();
    document.removeEventListener("refresh:now", refreshed);
  });
});

describe("what follows", () => {
  it("says that more than the most are for another time", () => {
    expect(consequences("replay", { filter: {}, count: 12_000 }, null).at(-1)).toBe(
      "10,000 are taken now; do it again for the rest.",
    );
  });

  it("names the one subscriber that handles it again", () => {
    const [first, second] = consequences("replay", { id: "1", subscriber: "Big orders", scheduled: true }, null);
    expect(first).toBe("It happens now instead of at the time that was set.");
    expect(second).toContain("by Big orders alone");
  });
});
