import { describe, expect, it } from "vitest";
import { safeLink } from "./links";
import { at, below, parsePointer, toPointer } from "./pointer";
import { rank } from "./ranking";
import { humanise } from "./steps";
import { duration, relative } from "./time";

describe("links from data", () => {
  it("are only made of harmless schemes", () => {
    expect(safeLink("https://example.org/a?b=c")).toBe("https://example.org/a?b=c");
    expect(safeLink("mailto:ann@example.org")).toBe("mailto:ann@example.org");
    for (const bad of [
      "javascript:alert(1)",
      "JaVaScRiPt:alert(1)",
      " javascript:alert(1)",
      "java\tscript:alert(1)",
      "data:text/html,x",
      "vbscript:x",
      "//evil.example",
      "/relative",
      "https:// x",
      "plain",
    ]) {
      expect(safeLink(bad), bad).toBeNull();
    }
  });
});

describe("JSON pointers", () => {
  it("escape and unescape", () => {
    expect(parsePointer("/a~1b/0/c~0d")).toEqual(["a/b", "0", "c~d"]);
    expect(toPointer(["a/b", 0, "c~d"])).toBe("/a~1b/0/c~0d");
    expect(at({ a: [{ b: 1 }] }, "/a/0/b")).toBe(1);
    expect(at({}, "/constructor/name")).toBeUndefined();
  });

  it("are cut at a prefix, not in the middle of a name", () => {
    expect(below("/input/a", "/input")).toBe("/a");
    expect(below("/input", "/input")).toBe("");
    expect(below("/inputs/a", "/input")).toBeNull();
  });
});

describe("times", () => {
  const now = Date.parse("2026-06-15T12:00:00Z");
  it.each([
    ["2026-06-15T11:59:40Z", "just now"],
    ["2026-06-15T11:55:00Z", "5 min ago"],
    ["2026-06-15T14:00:00Z", "in 2 h"],
    ["2026-06-14T11:00:00Z", "1 day ago"],
    ["not a time", "not a time"],
  ])("%s is %s", (iso, words) => expect(relative(iso, now)).toBe(words));

  it.each([
    [8, "8 ms"],
    [1_240, "1.2 s"],
    [200_000, "3 min 20 s"],
    [7_500_000, "2 h 5 min"],
    [3_600_000, "1 h"],
  ])("%d ms is %s", (ms, words) => expect(duration(ms)).toBe(words));
});

describe("names", () => {
  it.each([
    ["reserve-stock", "Reserve stock"],
    ["costCenter", "Cost center"],
    ["order_ID", "Order ID"],
    ["", ""],
  ])("%s reads %s", (id, name) => expect(humanise(id)).toBe(name));
});

describe("the palette's ranking", () => {
  const entries = ["Home", "Order processing", "Start Order processing", "Reorder"].map((label) => ({
    label,
    hint: "",
    href: "/",
  }));
  it("prefers the beginning of the label and keeps what fits all words", () => {
    expect(rank(entries, "ord").map((each) => each.label)).toEqual([
      "Order processing",
      "Start Order processing",
      "Reorder",
    ]);
    expect(rank(entries, "start ord").map((each) => each.label)).toEqual(["Start Order processing"]);
    expect(rank(entries, "")).toHaveLength(4);
  });
});
