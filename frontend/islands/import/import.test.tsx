import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Call, fakeApi, Refusal } from "@/testing/server";
import { type Converted, patched } from "./importing";
import ImportIsland from "./index";

const converted = (more: Partial<Converted> = {}): Converted => ({
  source: "example.json",
  kind: "workflow",
  id: "claim",
  version: "1.0.0",
  valid: true,
  kept: true,
  done: "published",
  document: { kind: "workflow", workflowId: "claim", steps: [{ stepId: "a", timeout: 60 }] },
  changes: [
    { pointer: "/workflowId", from: "id", to: "workflowId", message: "The field `id` is called `workflowId`." },
  ],
  violations: [],
  ...more,
});
const question = {
  code: "duration-unit",
  severity: "error" as const,
  pointer: "/steps/0/timeout",
  message: "60 of what?",
  hint: "",
  choices: [{ label: "60 seconds", fix: [{ op: "replace" as const, path: "/steps/0/timeout", value: "PT1M" }] }],
};
const sent = (call: Call | undefined) => (call?.body as { files: { name: string; text: string }[] }).files;
const show = () => render(<ImportIsland example={{ id: "claim" }} limit={1000} />);
const press = (name: string | RegExp) => fireEvent.click(screen.getByRole("button", { name }));
const card = () => screen.findByRole("region", { name: "example.json" });

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe("importing definitions", () => {
  it("shows each thing that was converted, before and after", async () => {
    fakeApi({ "POST bundles/convert": { results: [converted()] } });
    show();
    press("Try an example");
    const entry = within(await card());
    expect(entry.getByLabelText("before").textContent).toBe("id");
    expect(entry.getByLabelText("after").textContent).toBe("workflowId");
    expect(entry.getByText("Ready")).toBeTruthy();
  });

  it("settles a question by a choice, keeps what was converted listed, and only then publishes", async () => {
    let settled = false;
    const calls = fakeApi({
      "POST bundles/convert": (call: Call) => {
        settled = sent(call)[0]?.text.includes("PT1M") ?? false;
        return {
          results: [settled ? converted({ changes: [] }) : converted({ valid: false, violations: [question] })],
        };
      },
      "POST bundles": { items: [{ kind: "workflow", id: "claim", version: "1.0.0", done: "published" }] },
    });
    show();
    press("Try an example");
    await card();
    expect((screen.getByRole("button", { name: /Save and publish/ }) as HTMLButtonElement).disabled).toBe(true);
    press("60 seconds");
    await waitFor(() => expect(settled).toBe(true));
    const entry = within(await card());
    await waitFor(() => expect(entry.getByText("Ready")).toBeTruthy());
    expect(entry.getByLabelText("after").textContent).toBe("workflowId");
    press(/Save and publish/);
    fireEvent.click(within(document.querySelector("dialog") as HTMLElement).getByText("Save and publish"));
    await waitFor(() => expect(screen.getByRole("status").textContent).toContain("claim"));
    expect(calls.at(-1)?.path).toBe("bundles?publish=true");
    expect(screen.queryByRole("region", { name: "example.json" })).toBeNull();
  });

  it("leaves out what this installation does not keep", async () => {
    fakeApi({ "POST bundles/convert": { results: [converted({ kind: "role", kept: false, done: null })] } });
    show();
    press("Try an example");
    const entry = within(await card());
    expect((entry.getByRole("checkbox") as HTMLInputElement).disabled).toBe(true);
    expect((screen.getByRole("button", { name: /Save as drafts/ }) as HTMLButtonElement).disabled).toBe(true);
  });

  it("says what the server refuses, and keeps everything", async () => {
    const problem = { title: "No", detail: "No.", violations: [{ ...question, message: "example: taken" }] };
    fakeApi({
      "POST bundles/convert": { results: [converted()] },
      "POST bundles": new Refusal(422, problem),
    });
    show();
    press("Try an example");
    await card();
    press(/Save as drafts/);
    expect((await screen.findByRole("alert")).textContent).toContain("example: taken");
    expect(await card()).toBeTruthy();
  });

  it("keeps markup in names inert", async () => {
    const name = "<img src=x onerror=alert(1)>";
    const changes = [{ pointer: "/name", from: name, to: name, message: name }];
    fakeApi({ "POST bundles/convert": { results: [converted({ id: name, changes })] } });
    show();
    press("Try an example");
    await card();
    expect(document.querySelector("img")).toBeNull();
  });
});

describe("applying a choice", () => {
  it("changes a copy, and a key like __proto__ is a key like any other", () => {
    const before = { a: [{ b: 1 }] };
    expect(patched(before, [{ op: "replace", path: "/a/0/b", value: 2 }])).toEqual({ a: [{ b: 2 }] });
    expect(before.a[0]?.b).toBe(1);
    expect(patched(before, [{ op: "move", from: "/a", path: "/c" }])).toEqual({ c: [{ b: 1 }] });
    patched({ a: {} }, [{ op: "add", path: "/a/__proto__", value: { polluted: true } }]);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(() => patched({}, [{ op: "add", path: "/no/where", value: 1 }])).toThrow();
  });
});
