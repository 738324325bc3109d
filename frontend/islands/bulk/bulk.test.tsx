import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { fakeApi } from "@/testing/server";
import BulkIsland from "./index";

const select = (detail: object) =>
  act(
    () =>
      void document.dispatchEvent(
        new CustomEvent("runs:selection", { detail: { ids: [], all: false, filter: {}, workflow: null, ...detail } }),
      ),
  );
const confirm = () => document.querySelector<HTMLButtonElement>("dialog button[type=submit]")!;
const operation = (more: object) => ({
  id: "b1", operation: "cancel", status: "RUNNING", total: 3, done: 0, succeeded: 0, failed: 0, problems: [], ...more,
}); // prettier-ignore

const none = { "GET workflows/instances/bulk": { items: [] } };

describe("steering many runs", () => {
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
  });

  it("says nothing while nothing is chosen", () => {
    fakeApi(none);
    render(<BulkIsland />);
    expect(screen.queryByRole("region")).toBeNull();
  });

  it("migrates runs of one workflow, with the mapping that is suggested", async () => {
    const calls = fakeApi({
      ...none,
      "GET workflows/definitions/pause/versions": {
        items: [
          { version: "1.2.0", status: "draft", running: 0 },
          { version: "1.1.0", status: "published", running: 0 },
          { version: "1.0.0", status: "published", running: 2 },
        ],
      },
      "GET workflows/definitions/pause/verdict": {
        positions: [
          { stepId: "rest", instances: 2, verdict: "NEEDS_MAPPING", suggested: "pause", candidates: ["pause"] },
        ],
      },
      "POST workflows/instances/bulk/preview": { matched: 2, allowed: 2, refused: [], sentence: "2 runs go on." },
      "POST workflows/instances/bulk": operation({ operation: "migrate", total: 2 }),
      "GET workflows/instances/bulk/b1": operation({ operation: "migrate", total: 2 }),
    });
    render(<BulkIsland />);
    select({ ids: ["1", "2"], workflow: null });
    expect(screen.getByRole<HTMLButtonElement>("button", { name: "Migrate" }).disabled).toBe(true);
    select({ ids: ["1", "2"], workflow: { id: "pause", versions: ["1.0.0"] } });
    fireEvent.click(screen.getByRole("button", { name: "Migrate" }));
    await screen.findByText("2 runs go on.");
    expect(screen.getByRole("link", { hidden: true, name: /Compare/ }).getAttribute("href")).toBe(
      "/workflows/pause/compare?from=1.0.0&to=1.1.0",
    );
    fireEvent.change(document.querySelector("dialog textarea")!, { target: { value: "moving on" } });
    fireEvent.click(confirm());
    await waitFor(() => expect(calls.at(-1)?.path).toContain("bulk"));
    const begun = calls.find((call) => call.method === "POST" && call.path === "workflows/instances/bulk");
    expect(begun?.body).toEqual({
      operation: "migrate", ids: ["1", "2"], version: "1.1.0", mapping: { rest: "pause" }, reason: "moving on",
    }); // prettier-ignore
  });

  it("goes on following what was begun before the page was loaded anew", async () => {
    fakeApi({
      "GET workflows/instances/bulk": { items: [{ id: "b1", status: "RUNNING" }] },
      "GET workflows/instances/bulk/b1": operation({ done: 1 }),
    });
    render(<BulkIsland />);
    expect(await screen.findByText(/1 of 3/)).toBeTruthy();
  });

  it("counts first, does it, tells how far it is, and what could not be done", async () => {
    let round = 0;
    const calls = fakeApi({
      ...none,
      "POST workflows/instances/bulk/preview": {
        matched: 1240,
        allowed: 1236,
        refused: [{ status: "COMPLETED", count: 4, sentence: "4 are over already." }],
        sentence: "1,236 of 1,240 runs can be cancelled.",
      },
      "POST workflows/instances/bulk": operation({ total: 1236 }),
      "GET workflows/instances/bulk/b1": () => {
        round += 1;
        return round === 1
          ? operation({ total: 1236, done: 500 })
          : operation({
              status: "COMPLETED",
              total: 1236,
              done: 1236,
              succeeded: 1235,
              failed: 1,
              problems: [{ instanceId: "01900000-aaaa-7000-8000-000000abcdef", detail: "It ended meanwhile." }],
            });
      },
    });
    render(<BulkIsland />);
    select({ all: true, filter: { status: ["RUNNING"] } });
    expect(screen.getByText("Every run that fits")).toBeTruthy();
    fireEvent.click(screen.getByRole("button", { name: "Cancel" }));
    expect(await screen.findByText("4 are over already.")).toBeTruthy();
    expect(confirm().textContent).toBe("Cancel runs (1,236)");
    fireEvent.click(confirm());
    expect(await screen.findByText("Please give a reason.")).toBeTruthy();
    fireEvent.change(screen.getByLabelText(/Reason/), { target: { value: "wrong prices" } });
    fireEvent.click(confirm());
    expect(await screen.findByText(/500 of 1,236/, undefined, { timeout: 3000 })).toBeTruthy();
    expect(await screen.findByText("It ended meanwhile.", undefined, { timeout: 3000 })).toBeTruthy();
    expect(screen.getByText(/1,235 of 1,236 runs cancelled. 1 could not be./)).toBeTruthy();
    expect(calls.find((call) => call.method === "POST" && call.path === "workflows/instances/bulk")!.body).toEqual({
      operation: "cancel",
      filter: { status: ["RUNNING"] },
      shouldCompensate: false,
      reason: "wrong prices",
    });
  });

  it("does not offer what can be done to none of them", async () => {
    const calls = fakeApi({
      ...none,
      "POST workflows/instances/bulk/preview": {
        matched: 2,
        allowed: 0,
        refused: [],
        sentence: "None can be resumed.",
      },
    });
    render(<BulkIsland />);
    select({ ids: ["a", "b"] });
    fireEvent.click(screen.getByRole("button", { name: "Resume" }));
    expect(await screen.findByText("None can be resumed.")).toBeTruthy();
    expect(confirm().disabled).toBe(true);
    expect(calls.at(-1)!.body).toEqual({ operation: "resume", ids: ["a", "b"] });
  });

  it("takes everything up to now where there is no filter", async () => {
    const calls = fakeApi({
      ...none,
      "POST workflows/instances/bulk/preview": { matched: 2, allowed: 2, refused: [], sentence: "2 can be suspended." },
    });
    render(<BulkIsland />);
    select({ all: true });
    fireEvent.click(screen.getByRole("button", { name: "Suspend" }));
    await waitFor(() => expect(calls).toHaveLength(2));
    expect(Object.keys((calls[1]!.body as { filter: object }).filter)).toEqual(["startedBefore"]);
  });
});
