import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Selection, selection } from "./selection";

const row = (id: string) =>
  `<tr data-run="${id}" data-workflow="${id === "c" ? "other" : "orders"}" data-version="1.${id.charCodeAt(0) - 97}.0"><td><input type="checkbox" data-select value="${id}"><a class="row-link" href="#">${id}</a></td></tr>`;

const table = (filter: string, ids: string[]) =>
  `<div id="results" data-filter='${filter}'><table><thead><tr><th><input type="checkbox" data-select-page></th></tr></thead>
   <tbody>${ids.map(row).join("")}</tbody></table></div>`;

describe("choosing runs", () => {
  it("knows the workflow where all are runs of one", () => {
    box("a").click();
    box("b").click();
    expect(heard.workflow).toEqual({ id: "orders", versions: ["1.0.0", "1.1.0"] });
    box("c").click();
    expect(heard.workflow).toBeNull();
    swap('{"workflowId":"orders"}', ["a"]);
    document.dispatchEvent(new CustomEvent("runs:select", { detail: { all: true } }));
    expect(heard.workflow).toEqual({ id: "orders", versions: null });
  });

  let heard: Selection;
  const hear = (event: Event) => {
    heard = (event as CustomEvent<Selection>).detail;
  };
  const box = (id: string) => document.querySelector<HTMLInputElement>(`[data-select][value="${id}"]`)!;
  const key = (name: string) =>
    (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
  const swap = (filter: string, ids: string[]) => {
    document.querySelector("[data-selection]")!.innerHTML = table(filter, ids);
    document.dispatchEvent(new CustomEvent("htmx:afterSettle"));
  };

  beforeEach(() => {
    document.addEventListener("runs:selection", hear);
    document.body.innerHTML = `<section data-selection>${table('{"status":["FAILED"]}', ["a", "b", "c"])}</section>`;
    selection();
  });
  afterEach(() => document.removeEventListener("runs:selection", hear));

  it("is done by keys", () => {
    key("j");
    key("x");
    key("j");
    key("j");
    key("x");
    expect(heard).toMatchObject({ ids: ["a", "c"], all: false, filter: { status: ["FAILED"] } });
    key("x");
    expect(heard.ids).toEqual(["a"]);
    key("Escape");
    expect(heard.ids).toEqual([]);
  });

  it("takes everything in between with Shift", () => {
    box("a").click();
    box("c").dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true }));
    expect(heard.ids.toSorted()).toEqual(["a", "b", "c"]);
    expect(document.querySelector<HTMLInputElement>("[data-select-page]")!.checked).toBe(true);
  });

  it("outlives a refresh and a turn of the page, not another filter", () => {
    box("b").click();
    swap('{"status":["FAILED"]}', ["d", "e"]);
    expect(heard.ids).toEqual(["b"]);
    swap('{"status":["FAILED"]}', ["a", "b"]);
    expect(box("b").checked).toBe(true);
    swap("{}", ["a", "b"]);
    expect(heard.ids).toEqual([]);
  });

  it("is said again to who comes late", () => {
    box("b").click();
    heard = { ids: [], all: false, filter: {}, workflow: null };
    document.dispatchEvent(new CustomEvent("runs:asked"));
    expect(heard.ids).toEqual(["b"]);
  });

  it("takes one out of everything", () => {
    document.dispatchEvent(new CustomEvent("runs:select", { detail: { all: true } }));
    expect([heard.all, box("a").checked]).toEqual([true, true]);
    box("a").click();
    expect([heard.all, heard.ids.toSorted()]).toEqual([false, ["b", "c"]]);
  });
});

describe("choosing what is not a run", () => {
  let heard: Selection;
  const hear = (event: Event) => {
    heard = (event as CustomEvent<Selection>).detail;
  };
  afterEach(() => document.removeEventListener("letters:selection", hear));

  it("is told under its own name, and passes by rows that cannot be chosen", () => {
    document.addEventListener("letters:selection", hear);
    document.body.innerHTML = `<section data-selection="letters"><div id="results" data-filter="{}"><table><tbody>
      <tr><td><a class="row-link" href="#">a</a></td></tr>
      <tr><td><input type="checkbox" data-select value="b"><a class="row-link" href="#">b</a></td></tr>
    </tbody></table></div></section>`;
    selection();
    const key = (name: string) =>
      (document.activeElement ?? document.body).dispatchEvent(
        new KeyboardEvent("keydown", { key: name, bubbles: true }),
      );
    key("j");
    key("x");
    expect(heard.ids).toEqual([]);
    key("j");
    key("x");
    expect(heard.ids).toEqual(["b"]);
    document.dispatchEvent(new CustomEvent("letters:select", { detail: { all: true } }));
    expect(heard.all).toBe(true);
  });
});
