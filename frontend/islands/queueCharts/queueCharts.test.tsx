import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { fakeApi } from "@/testing/server";
import { lineOf } from "./Chart";
import QueueCharts from "./index";
import { bucketsOf, type Minute, topOf, topSpan } from "./series";

const NOON = Date.parse("2026-11-25T12:00:00Z");
const minute = (place: number, more: Partial<Minute> = {}): Minute => ({
  minute: new Date(NOON + place * 60_000).toISOString(), processed: 0, errors: 0, millis: 0, depth: 0, oldestAgeMs: 0, ...more,
}); // prettier-ignore

describe("minutes put together", () => {
  it("give rates, sums and the most, at whole steps of the clock", () => {
    const minutes = [0, 1, 2, 3, 4].map((place) =>
      minute(place, { processed: place * 10, errors: 1, depth: place, oldestAgeMs: 100 - place }),
    );
    expect(bucketsOf(minutes, 2)).toEqual([
      { at: NOON, processed: 5, errors: 2, depth: 1, age: 100, partial: false },
      { at: NOON + 120_000, processed: 25, errors: 2, depth: 3, age: 98, partial: false },
      { at: NOON + 240_000, processed: 40, errors: 1, depth: 4, age: 96, partial: true },
    ]);
  });

  it("leave away a first step of which only a part is known", () => {
    expect(bucketsOf([minute(1), minute(2), minute(3)], 2).map((each) => each.at)).toEqual([NOON + 120_000]);
  });
});

describe("scales", () => {
  it("end at round numbers", () => {
    expect([0, 1, 3, 7, 11, 20, 399, 51_000].map(topOf)).toEqual([1, 1, 5, 10, 20, 20, 500, 100_000]);
    expect([0, 900, 37_000, 370_000, 90_000_000].map(topSpan)).toEqual([1_000, 1_000, 60_000, 600_000, 172_800_000]);
  });

  it("put a line through the middle of each mark", () => {
    expect(lineOf([0, 5], (value) => value * 10)).toBe("M0.5 100 L1.5 50");
  });
});

describe("the charts of a queue", () => {
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
  });

  const shown = async (minutes: Minute[], limit = 100_000) => {
    const calls = fakeApi({ "GET events/queues/orders/minutes": minutes });
    render(<QueueCharts queueId="orders" highWatermark={limit} />);
    await screen.findAllByRole("slider");
    return calls;
  };
  const three = [0, 1, 2, 3].map((place) =>
    minute(place, { processed: 10 * place, depth: 30 * place, oldestAgeMs: 1_500 }),
  );

  it("are read by the arrow keys, all of them at once", async () => {
    await shown(three);
    const [routed, , waiting] = screen.getAllByRole("slider");
    expect(routed!.getAttribute("aria-valuetext")).toContain(": 25");
    fireEvent.keyDown(routed!, { key: "ArrowLeft" });
    expect(routed!.getAttribute("aria-valuetext")).toContain(": 5");
    expect(waiting!.getAttribute("aria-valuetext")).toContain(": 30");
    fireEvent.keyDown(routed!, { key: "Escape" });
    expect(waiting!.getAttribute("aria-valuetext")).toContain(": 90");
  });

  it("show the watermark once the depth comes near it", async () => {
    await shown(three, 100);
    expect(document.querySelectorAll(".limit-mark")).toHaveLength(1);
    cleanup();
    await shown(three);
    expect(document.querySelectorAll(".limit-mark")).toHaveLength(0);
  });

  it("are there as a table as well", async () => {
    await shown(three);
    fireEvent.click(screen.getByRole("button", { name: "As a table" }));
    const rows = screen.getAllByRole("row").map((row) => [...row.children].map((cell) => cell.textContent));
    expect(rows[0]).toEqual(["2 minutes from", "Routed per minute", "Dead letters", "Waiting", "Oldest that waits"]);
    expect(rows[1]!.slice(1)).toEqual(["25", "0", "90", "1.5 s"]);
  });

  it("ask for the stretch that is chosen", async () => {
    const calls = await shown(three);
    fireEvent.click(screen.getByRole("button", { name: "1 day" }));
    await waitFor(() => expect(calls).toHaveLength(2));
    const since = new URLSearchParams(calls[1]!.path.split("?")[1]).get("since")!;
    expect(Math.round((Date.now() - Date.parse(since)) / 3_600_000)).toBe(24);
  });
});
