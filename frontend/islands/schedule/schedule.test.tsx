import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fakeApi, Refusal } from "@/testing/server";
import { consequences, verbsOf } from "../scheduleVerbs";
import ScheduleIsland, { type ScheduleDocument } from "./index";
import { clockOf } from "./Preview";
import { fromLocalField, readDuration, toLocalField, writeDuration } from "./rule";

const workflows = [{ id: "report", name: "Report", version: "1.0.0" }];
const inputSchema = { type: "object", required: ["team"], properties: { team: { type: "string", title: "Team" } } };
const ahead = {
  words: "At 09:00 on weekdays, Europe/Berlin",
  timezone: "Europe/Berlin",
  valid: true,
  violations: [],
  next: [{ slot: "2027-01-04T08:00:00Z", local: "2027-01-04T09:00:00+01:00", dueAt: "2027-01-04T08:00:00Z" }],
};
const routes = {
  "POST workflows/schedules/preview": ahead,
  "GET workflows/definitions/report/versions/1.0.0": { document: { inputSchema } },
};

function show(document: ScheduleDocument | null = null, revision = 0) {
  return render(<ScheduleIsland document={document} revision={revision} workflowId="" workflows={workflows} />);
}

describe("the form of a schedule", () => {
  const assign = vi.fn();
  beforeEach(() => {
    assign.mockReset();
    vi.stubGlobal("location", { ...window.location, assign });
  });
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
  });

  it("shows in words what is being written, and the next fires there", async () => {
    const calls = fakeApi(routes);
    show();
    fireEvent.change(screen.getByLabelText(/Cron line/), { target: { value: "0 9 * * 1-5" } });
    expect(await screen.findByText("At 09:00 on weekdays, Europe/Berlin")).toBeTruthy();
    expect(screen.getByText("2027-01-04 09:00 +01:00")).toBeTruthy();
    expect(calls.at(-1)?.body).toMatchObject({ cron: "0 9 * * 1-5" });
  });

  it("creates a schedule with the input of the workflow's own form", async () => {
    const calls = fakeApi({ ...routes, "POST workflows/schedules": { scheduleId: "report" } });
    show();
    fireEvent.change(screen.getByLabelText("Starts"), { target: { value: "report" } });
    fireEvent.change(await screen.findByLabelText(/Team/), { target: { value: "Blue" } });
    fireEvent.click(screen.getByRole("button", { name: "Every so often" }));
    fireEvent.change(screen.getByRole("spinbutton", { name: "Every" }), { target: { value: "6" } });
    fireEvent.click(screen.getByRole("button", { name: "Create schedule" }));
    await waitFor(() => expect(assign).toHaveBeenCalledWith("/schedules/report"));
    const sent = calls.find((each) => each.path === "workflows/schedules")?.body as ScheduleDocument;
    expect(sent).toMatchObject({ workflowId: "report", interval: "PT6H", input: { team: "Blue" } });
    expect(sent).not.toHaveProperty("cron");
  });

  it("asks for what the workflow needs before anything is sent", async () => {
    const calls = fakeApi(routes);
    show({ scheduleId: "s", workflowId: "report", cron: "0 9 * * *" }, 3);
    await screen.findByLabelText(/Team/);
    fireEvent.click(screen.getByRole("button", { name: "Save schedule" }));
    expect(calls.some((each) => each.method === "PUT")).toBe(false);
  });

  it("saves against the revision that was read, and says what the server found", async () => {
    const calls = fakeApi({
      ...routes,
      "PUT workflows/schedules/s": new Refusal(412, { title: "Changed", detail: "It was changed by someone else." }),
    });
    show({ scheduleId: "s", workflowId: "report", cron: "0 9 * * *", input: { team: "${event.timestamp}" } }, 3);
    await screen.findByLabelText("Input as JSON");
    fireEvent.click(screen.getByRole("button", { name: "Save schedule" }));
    expect(await screen.findByText("It was changed by someone else.")).toBeTruthy();
    expect(calls.find((each) => each.method === "PUT")?.headers["If-Match"]).toBe('"3"');
  });

  it("shows a problem of the rule at its field", async () => {
    const violations = [{ code: "cron", severity: "error", pointer: "/cron", message: "The minute cannot be." }];
    fakeApi({ ...routes, "POST workflows/schedules/preview": { ...ahead, words: "", next: [], violations } });
    show();
    expect((await screen.findByRole("alert")).textContent).toContain("The minute cannot be.");
  });
});

describe("durations and times of the form", () => {
  it.each([
    ["PT90M", { count: 90, unit: "M" }],
    ["PT1H30M", { count: 90, unit: "M" }],
    ["P1W", { count: 7, unit: "D" }],
    ["PT120S", { count: 2, unit: "M" }],
    ["PT1.5S", null],
  ])("reads %s", (text, expected) => expect(readDuration(text)).toEqual(expected));

  it("writes what it reads", () => {
    expect(writeDuration(7, "D")).toBe("P7D");
    expect(writeDuration(90, "M")).toBe("PT90M");
  });

  it("keeps a moment over the field of the reader's own zone", () => {
    expect(fromLocalField(toLocalField("2027-01-04T08:00:00Z"))).toBe("2027-01-04T08:00:00.000Z");
    expect([toLocalField(undefined), fromLocalField("")]).toEqual(["", undefined]);
  });

  it("shows the wall clock of the schedule, not the reader's", () => {
    expect(clockOf("2026-03-29T03:00:00+02:00")).toBe("2026-03-29 03:00 +02:00");
  });
});

describe("the verbs of a schedule", () => {
  const may = { mayOperate: true, mayStart: true, mayEdit: true };
  const about = { words: "Every hour", overlap: "SKIP", lastRunGoing: false, missed: 3, catchUp: [] };

  it.each([
    ["ACTIVE", ["fire", "pause", "delete"]],
    ["PAUSED", ["fire", "resume", "delete"]],
    ["ENDED", ["fire", "delete"]],
  ] as const)("offers what makes sense when %s", (state, verbs) => expect(verbsOf({ ...may, state })).toEqual(verbs));

  it("says before resuming what becomes of the missed fires", () => {
    const catchUp = [{ catchUp: "ALL" as const, fires: 3, sentence: "All 3 missed fires start runs now." }];
    expect(consequences("resume", { ...about, catchUp }, "ALL")).toEqual([
      "It fires again: every hour.",
      "All 3 missed fires start runs now.",
    ]);
  });

  it("says before running now what a run that is still going means", () => {
    expect(consequences("fire", { ...about, lastRunGoing: true }, "NONE")[1]).toContain("refused");
  });
});
