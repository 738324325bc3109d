import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { due } from "../lib/due";
import { dialogs } from "./dialogs";
import { withoutEmpty } from "./filters";
import { isTyping, shortcuts } from "./shortcuts";
import { showTaskCount } from "./taskCount";
import { chooseTheme, theme } from "./theme";

afterEach(() => {
  document.body.replaceChildren();
});

function page(html: string): HTMLElement {
  const template = document.createElement("template");
  template.innerHTML = html;
  document.body.append(template.content);
  return document.body;
}

describe("the theme switch", () => {
  beforeEach(() => {
    chooseTheme("system");
  });

  it("sets the theme and keeps it in a cookie; the system's choice leaves neither", () => {
    const body = page(`<button data-theme-choice="system"></button><button data-theme-choice="dark"></button>`);
    theme();
    body.querySelector<HTMLElement>("[data-theme-choice=dark]")!.click();
    expect(document.documentElement.dataset.theme).toBe("augmented-dark");
    expect(document.cookie).toContain("theme=dark");
    expect(body.querySelector("[data-theme-choice=dark]")!.getAttribute("aria-pressed")).toBe("true");
    chooseTheme("system");
    expect(document.documentElement.dataset.theme).toBeUndefined();
    expect(document.cookie).not.toContain("theme=dark");
  });
});

describe("shortcuts", () => {
  it("leave typing alone", () => {
    const body = page(`<input><div></div><dialog open><p></p></dialog>`);
    expect(isTyping(body.querySelector("input"))).toBe(true);
    expect(isTyping(body.querySelector("dialog p"))).toBe(true);
    expect(isTyping(body.querySelector("div"))).toBe(false);
  });

  it("put the cursor into the search field", () => {
    const body = page(`<input data-search>`);
    shortcuts();
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "/" }));
    expect(document.activeElement).toBe(body.querySelector("input"));
  });
});

describe("dialogs", () => {
  it("close by the button inside", () => {
    const body = page(`<dialog open><button data-closes></button></dialog>`);
    const dialog = body.querySelector("dialog")!;
    dialog.close = () => dialog.removeAttribute("open");
    dialogs();
    body.querySelector<HTMLElement>("[data-closes]")!.click();
    expect(dialog.open).toBe(false);
  });
});

describe("filters", () => {
  it("leave empty fields out of the URL", () => {
    expect(
      withoutEmpty([
        ["search", " a b "],
        ["status", ""],
        ["from", " "],
      ]).toString(),
    ).toBe("search=a+b");
  });
});

describe("refreshing", () => {
  it("is due after as many seconds as the element says, and never where it says nothing", () => {
    const element = document.createElement("div");
    expect(due(element, 60_000, 0)).toBe(false);
    element.dataset.refreshEvery = "10";
    expect([due(element, 9_000, 0), due(element, 10_000, 0)]).toEqual([false, true]);
  });
});

describe("the task badge", () => {
  it("shows what the inbox shows, and nothing when there is nothing", () => {
    const badge = document.createElement("span");
    showTaskCount(badge, { my: 2, group: 3, overdue: 1 });
    expect([badge.textContent, badge.hidden, badge.className]).toEqual(["5", false, "count-alert"]);
    showTaskCount(badge, { my: 0, group: 0, overdue: 0 });
    expect(badge.hidden).toBe(true);
  });
});
