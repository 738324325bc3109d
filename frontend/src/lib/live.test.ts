import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeSocket, fakeSockets } from "@/testing/server";
import { delayBefore, LONGEST_DELAY_MS } from "./backoff";
import { LiveFeed, sequenceOf } from "./live";

const last = () => FakeSocket.all.at(-1) as FakeSocket;

describe("a live feed", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    fakeSockets();
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("hands on sequence numbers, and a hint without one when it (re)connects", () => {
    const hints: (number | null)[] = [];
    const feed = new LiveFeed("/ws/x", { onHint: (seq) => hints.push(seq) });
    last().open();
    last().say({ seq: 4, type: "instance.changed" });
    last().drop();
    vi.advanceTimersByTime(1_000);
    last().open();
    expect(hints).toEqual([null, 4, null]);
    feed.close();
  });

  it("tries again and again, more and more slowly", () => {
    const feed = new LiveFeed("/ws/x", { onHint: () => undefined });
    for (let round = 0; round < 5; round += 1) {
      last().drop();
      vi.advanceTimersByTime(LONGEST_DELAY_MS);
    }
    expect(FakeSocket.all).toHaveLength(6);
    feed.close();
    vi.advanceTimersByTime(LONGEST_DELAY_MS);
    expect(FakeSocket.all).toHaveLength(6);
  });

  it("gives up when the server refuses, and says so", () => {
    const states: string[] = [];
    new LiveFeed("/ws/x", { onHint: () => undefined, onState: (state) => states.push(state) });
    last().drop(4401);
    vi.advanceTimersByTime(LONGEST_DELAY_MS * 2);
    expect(FakeSocket.all).toHaveLength(1);
    expect(states).toEqual(["connecting", "refused"]);
  });

  it("does not wait when the browser is back online", () => {
    const feed = new LiveFeed("/ws/x", { onHint: () => undefined });
    last().drop();
    window.dispatchEvent(new Event("online"));
    expect(FakeSocket.all).toHaveLength(2);
    feed.close();
  });

  it("is not disturbed by messages that are none of ours", () => {
    expect(sequenceOf("{broken")).toBeUndefined();
    expect(sequenceOf("null")).toBeUndefined();
    expect(sequenceOf(JSON.stringify({ type: "x" }))).toBeNull();
  });
});

describe("waiting times", () => {
  it("double up to half a minute and vary by half", () => {
    expect([1, 2, 3, 20].map((attempt) => delayBefore(attempt, 1))).toEqual([500, 1000, 2000, 30_000]);
    expect(delayBefore(3, 0)).toBe(1000);
  });
});
