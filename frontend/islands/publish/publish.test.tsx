import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { fakeApi, Refusal } from "@/testing/server";
import PublishIsland from "./index";

const nothing = { definitions: [], breaks: [], unchecked: 0, sentences: ["Nothing that names it breaks."] };
const unknownField = {
  code: "unknown-field",
  severity: "error",
  pointer: "/steps/1/output/said",
  message: "`steps.call.output` has no field 'text'.",
};
const broken = {
  kind: "workflow",
  id: "parent",
  version: "1.0.0",
  pinned: null,
  running: 2,
  violations: [unknownField],
};

function ask(impact: unknown) {
  const calls = fakeApi({ "GET workflows/definitions/child/impact": impact });
  render(<PublishIsland workflowId="child" version="2.0.0" live="1.0.0" running={0} />);
  fireEvent.click(screen.getByRole("button", { name: "Publish" }));
  return calls;
}

describe("before a version is published", () => {
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
  });

  it("asks about just this version, and only once the question is put", async () => {
    const calls = ask(nothing);
    expect(await screen.findByText("No other definition uses it.")).toBeTruthy();
    expect(calls.map((call) => call.path)).toEqual(["workflows/definitions/child/impact?version=2.0.0"]);
  });

  it("names what breaks, with the place and the way there", async () => {
    ask({
      definitions: [{ kind: "workflow", id: "parent" }],
      breaks: [broken],
      unchecked: 0,
      sentences: ["Publishing this breaks 1 definition: 1 error.", "2 runs under way will meet version 2.0.0."],
    });
    expect(await screen.findByText("Publishing this breaks 1 definition: 1 error.")).toBeTruthy();
    expect(screen.getByRole("link", { name: "parent 1.0.0", hidden: true }).getAttribute("href")).toBe(
      "/workflows/parent?version=1.0.0",
    );
    expect(screen.getByText("/steps/1/output/said")).toBeTruthy();
    expect(screen.getByText("2 runs under way will meet version 2.0.0.")).toBeTruthy();
  });

  it("publishes definitions of other kinds at their own address", async () => {
    const calls = fakeApi({
      "GET events/definitions/Orders.shipped/impact": nothing,
      "POST events/definitions/Orders.shipped/publish": {},
    });
    vi.stubGlobal("location", { ...window.location, reload: vi.fn() });
    render(
      <PublishIsland address="events/definitions/Orders.shipped" version="1.1.0" consequences={["It is in force."]} />,
    );
    fireEvent.click(screen.getByRole("button", { name: "Publish" }));
    expect(screen.getByText("It is in force.")).toBeTruthy();
    fireEvent.click(screen.getAllByRole("button", { name: "Publish", hidden: true }).at(-1) as HTMLElement);
    await vi.waitFor(() => expect(calls.at(-1)?.body).toEqual({ version: "1.1.0" }));
  });

  it("shows a few places of many, and says how many more", async () => {
    const violations = Array.from({ length: 8 }, (_, n) => ({ ...unknownField, pointer: `/steps/${n}/input` }));
    ask({ definitions: [], breaks: [{ ...broken, violations }], unchecked: 3, sentences: ["It breaks."] });
    expect(await screen.findByText("3 more")).toBeTruthy();
    expect(screen.getByText("3 more that name it were not looked at.")).toBeTruthy();
  });

  it("says how many go on working", async () => {
    const definitions = [
      { kind: "workflow", id: "a" },
      { kind: "workflow", id: "a" },
      { kind: "workflow", id: "b" },
    ];
    ask({ ...nothing, definitions });
    expect(await screen.findByText("The 2 definitions that use it go on working.")).toBeTruthy();
  });

  it("lets one publish all the same when nothing could be looked at", async () => {
    ask(new Refusal(503, { title: "Busy", detail: "Try again later." }));
    expect(await screen.findByText(/could not be looked at. Try again later/)).toBeTruthy();
    expect(screen.getAllByRole("button", { name: "Publish", hidden: true }).length).toBe(2);
  });
});
