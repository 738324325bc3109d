import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { left } from "@/behaviours/countdowns";
import { fakeApi } from "@/testing/server";
import SequenceVerbs, { consequences, type SequenceVerbsProps } from "./index";

const PROPS: SequenceVerbsProps = {
  runId: "r1",
  verbs: ["skip", "fail"],
  compensates: false,
  within: "PT1H",
  members: [
    { id: "paid", title: "Paid", looks: "Expected" },
    { id: "packed", title: "Packed", looks: "Came, waits its turn" },
  ],
};

describe("the verbs of a run of a sequence", () => {
  const reload = vi.fn();
  beforeEach(() => {
    reload.mockReset();
    vi.stubGlobal("location", { ...window.location, reload });
  });
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
  });

  it("skips the chosen event with its reason", async () => {
    const calls = fakeApi({ "POST events/sequences/runs/r1/skip": {} });
    render(<SequenceVerbs {...PROPS} />);
    fireEvent.click(screen.getByRole("button", { name: "Skip an event" }));
    fireEvent.click(screen.getByLabelText(/Packed/));
    fireEvent.change(screen.getByLabelText(/Reason/), { target: { value: "By hand." } });
    fireEvent.click(screen.getByText("Skip it"));
    await waitFor(() => expect(reload).toHaveBeenCalled());
    expect(calls.at(-1)?.body).toEqual({ notes: "By hand.", member: "packed" });
  });

  it("offers what the state allows, and no skipping where nothing can be skipped", () => {
    fakeApi({});
    render(<SequenceVerbs {...PROPS} members={[]} verbs={["retry", "resolve", "skip"]} />);
    expect(screen.getAllByRole("button").map((each) => each.textContent?.trim())).toEqual([
      "Try again",
      "Count as completed",
    ]);
  });

  it("says when failing undoes what was done", () => {
    expect(consequences("fail", PROPS)).toHaveLength(1);
    expect(consequences("fail", { ...PROPS, compensates: true })[1]).toContain("cannot be taken back");
    expect(consequences("retry", { ...PROPS, within: null })[1]).toBe("It waits for what is missing.");
  });
});

describe("a countdown", () => {
  const at = Date.parse("2026-03-01T12:00:00Z");
  it.each([
    [0, "over"],
    [9, "9 s"],
    [249, "4 min 09 s"],
    [3_900, "1 h 5 min"],
    [183_600, "2 d 3 h"],
  ])("of %i seconds reads %s", (seconds, text) => {
    expect(left(new Date(at + seconds * 1000).toISOString(), at)).toBe(text);
  });
});
