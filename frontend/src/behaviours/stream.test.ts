import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fakeSockets } from "@/testing/server";
import { stream } from "./stream";

// jsdom lacks what htmx needs to start.
const ajax = vi.hoisted(() => vi.fn(async (..._: unknown[]) => undefined));
vi.mock("htmx.org", () => ({ default: { config: {}, ajax } }));

const row = (id: string) => `<tr data-event="${id}"><td><a class="row-link" href="/events/${id}">${id}</a></td></tr>`;
const page = `
  <div id="stream-state" hidden><span class="dot"></span><span data-words></span>
    <button data-pause><span data-when="running">Pause</span><span data-when="paused" hidden>Resume</span></button></div>
  <div id="stream">
    <button id="stream-new" hidden><span data-words></span></button>
    <div id="results" data-newest="cursor-1" data-first-page><table><tbody>${row("a")}${row("b")}</tbody></table></div>
    <aside id="event-pane" tabindex="-1" hidden></aside>
  </div>`;

describe("the stream of events", () => {
  let asked: { address: string; since: string }[];
  let answer: { count: number; more: boolean };
  let sockets: ReturnType<typeof fakeSockets>;
  const bar = () => document.getElementById("stream-new") as HTMLButtonElement;
  const state = () => document.getElementById("stream-state") as HTMLElement;
  const key = (name: string) =>
    (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
  const later = (ms = 1_100) => vi.advanceTimersByTimeAsync(ms);

  beforeEach(() => {
    vi.useFakeTimers();
    sockets = fakeSockets();
    asked = [];
    answer = { count: 0, more: false };
    vi.stubGlobal("fetch", async (address: URL, options: { headers: Record<string, string> }) => {
      asked.push({ address: address.search, since: options.headers["X-Newer-Than"] ?? "" });
      return new Response(JSON.stringify(answer));
    });
    vi.stubGlobal("scrollTo", () => undefined);
    vi.stubGlobal("matchMedia", () => ({ matches: false }));
    history.replaceState(null, "", "/events?pattern=orders.*&after=x");
    document.title = "Events";
    document.body.innerHTML = page;
    Element.prototype.scrollIntoView ??= () => undefined;
    stream();
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("counts what comes, and leaves the list as it is", async () => {
    sockets.at(-1)?.open();
    await later();
    expect(asked).toEqual([{ address: "?pattern=orders.*", since: "cursor-1" }]);
    expect(bar().hidden).toBe(true);
    answer = { count: 3, more: false };
    sockets.at(-1)?.say({ seq: 1, type: "events.recorded" });
    await later();
    expect([bar().hidden, bar().textContent, document.title]).toEqual([false, "3 new events", "(3) Events"]);
    expect(document.querySelectorAll("tr[data-event]")).toHaveLength(2);
  });

  it("asks once for a burst", async () => {
    sockets.at(-1)?.open();
    await later();
    for (let seq = 1; seq < 20; seq += 1) sockets.at(-1)?.say({ seq });
    await later();
    expect(asked).toHaveLength(2);
  });

  it("says so when there are more than it counts", async () => {
    answer = { count: 99, more: true };
    sockets.at(-1)?.open();
    await later();
    expect(bar().textContent).toBe("99+ new events");
  });

  it("counts nothing while it is paused, and all of it afterwards", async () => {
    sockets.at(-1)?.open();
    await later();
    key("p");
    expect(state().querySelector("[data-words]")?.textContent).toBe("Paused");
    answer = { count: 1, more: false };
    sockets.at(-1)?.say({ seq: 1 });
    await later();
    expect([asked.length, bar().hidden]).toEqual([1, true]);
    key("p");
    await later();
    expect([bar().hidden, bar().textContent]).toEqual([false, "1 new event"]);
  });

  it("says whether it is live", () => {
    const words = () => state().querySelector("[data-words]")?.textContent;
    sockets.at(-1)?.open();
    expect([state().hidden, words()]).toEqual([false, "Live"]);
    sockets.at(-1)?.drop();
    expect(words()).toBe("Connection lost, trying again…");
    sockets.at(-1)?.drop(4403);
  });

  it("shows what is new when one asks for it", async () => {
    answer = { count: 2, more: false };
    history.replaceState(null, "", "/events?pattern=orders.*");
    sockets.at(-1)?.open();
    await later();
    ajax.mockClear();
    bar().click();
    expect(ajax.mock.calls[0]?.slice(0, 2)).toEqual(["get", `${location.origin}/events?pattern=orders.*`]);
    expect([bar().hidden, document.title]).toEqual([true, "Events"]);
  });

  it("opens the event that is chosen beside the list, and closes it again", async () => {
    ajax.mockClear();
    key("j");
    key("Enter");
    await later(0);
    const pane = document.getElementById("event-pane") as HTMLElement;
    expect(ajax.mock.calls[0]).toEqual([
      "get",
      "/events/a",
      { target: "#event-pane", swap: "innerHTML", headers: { "X-Pane": "1" } },
    ]);
    expect(pane.hidden).toBe(false);
    key("Escape");
    expect(pane.hidden).toBe(true);
  });

  it("is walked through by keys", () => {
    const chosen = () => document.querySelector<HTMLElement>("tr[aria-current]")?.dataset.event;
    key("j");
    key("j");
    key("j");
    expect(chosen()).toBe("b");
    key("k");
    expect(chosen()).toBe("a");
    expect((document.activeElement as HTMLAnchorElement).textContent).toBe("a");
  });
});
