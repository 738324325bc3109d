import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fakeApi, Refusal } from "@/testing/server";
import { placeOf } from "@/lib/jsonPlace";
import DocumentIsland, { type DocumentProps } from "./index";

const VALIDATE = "POST events/definitions/validate";
const SAVE = "POST events/definitions";
const PUBLISH = "POST events/definitions/Orders.shipped/publish";
const document_ = { eventId: "Orders.shipped", version: "1.0.0", pattern: "orders.shipped" };
const fine = { valid: true, violations: [] };
const problem = { code: "x", severity: "error", pointer: "/pattern", message: "It is taken." };

function show(more: Partial<DocumentProps> = {}) {
  render(
    <DocumentIsland
      address="events/definitions"
      page="/events/definitions"
      idField="eventId"
      document={document_}
      revision={null}
      mayPublish
      {...more}
    />,
  );
}

const button = (name: string) => screen.getByRole("button", { name }) as HTMLButtonElement;
const field = () => screen.getByLabelText("Definition as JSON") as HTMLTextAreaElement;
const type = (value: unknown) =>
  fireEvent.change(field(), { target: { value: typeof value === "string" ? value : JSON.stringify(value) } });

describe("writing a definition", () => {
  const assign = vi.fn();
  beforeEach(() => {
    assign.mockReset();
    vi.stubGlobal("location", { ...window.location, assign });
  });
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
  });

  it("is checked while it is written, and saved with the guard of its revision", async () => {
    const calls = fakeApi({ [VALIDATE]: fine, [SAVE]: document_ });
    show({ revision: 3 });
    expect(await screen.findByText("No problems")).toBeTruthy();
    fireEvent.click(button("Save draft"));
    await waitFor(() => expect(assign).toHaveBeenCalledWith("/events/definitions/Orders.shipped?version=1.0.0"));
    expect(calls.at(-1)?.headers["If-Match"]).toBe('"3"');
  });

  it("is not guarded by the revision of another version", async () => {
    const calls = fakeApi({ [VALIDATE]: fine, [SAVE]: { ...document_, version: "2.0.0" } });
    show({ revision: 3 });
    type({ ...document_, version: "2.0.0" });
    fireEvent.click(button("Save draft"));
    await waitFor(() => expect(assign).toHaveBeenCalled());
    expect(calls.find((call) => call.path === "events/definitions")?.headers["If-Match"]).toBeUndefined();
  });

  it("leads from a problem to its place, and is not published with it", async () => {
    fakeApi({ [VALIDATE]: { valid: false, violations: [problem] } });
    show();
    fireEvent.click(await screen.findByRole("button", { name: "/pattern" }));
    const area = field();
    expect(area.value.slice(area.selectionStart, area.selectionEnd)).toBe('"orders.shipped"');
    expect(button("Save and publish").disabled).toBe(true);
    expect(button("Save draft").disabled).toBe(false);
  });

  it("is published in one go", async () => {
    const calls = fakeApi({ [VALIDATE]: fine, [SAVE]: document_, [PUBLISH]: {} });
    show();
    await screen.findByText("No problems");
    fireEvent.click(button("Save and publish"));
    await waitFor(() => expect(assign).toHaveBeenCalled());
    expect(calls.at(-1)?.body).toEqual({ version: "1.0.0" });
  });

  it("shows what the server refuses", async () => {
    const answer = new Refusal(422, { title: "No", detail: "It does not fit.", violations: [problem] });
    fakeApi({ [VALIDATE]: fine, [SAVE]: answer });
    show();
    fireEvent.click(button("Save draft"));
    expect(await screen.findByText("It does not fit.")).toBeTruthy();
    expect(screen.getByText("It is taken.")).toBeTruthy();
  });

  it.each(["{ broken", "[]", "7"])("cannot be saved while it is no object: %s", (text) => {
    fakeApi({});
    show();
    type(text);
    expect(screen.getByText(/This is no JSON yet/)).toBeTruthy();
    expect(button("Save draft").disabled).toBe(true);
  });
});

describe("the place of a pointer in a text", () => {
  const text = '{ "a/b": [1, {"c": "x\\"}"}], "d": { } }';
  it.each([
    ["/a~1b/1/c", '"x\\"}"'],
    ["/a~1b/0", "1"],
    ["/a~1b", '[1, {"c": "x\\"}"}]'],
    ["/d/missing", "{ }"],
    ["", text],
  ])("%s", (pointer, expected) => {
    const place = placeOf(text, pointer);
    expect(place && text.slice(place.start, place.end)).toBe(expected);
  });

  it("is none where the text is no JSON", () => {
    expect(placeOf('{"a": ', "/a")).toBeNull();
    expect(placeOf('{"a', "/a")).toBeNull();
  });
});
