import { describe, expect, it } from "vitest";
import { check, fits } from "./validation";

const order = {
  type: "object",
  required: ["customer", "lines"],
  additionalProperties: false,
  properties: {
    customer: { type: "string", minLength: 2 },
    email: { type: "string", format: "email" },
    level: { enum: ["gold", "silver"] },
    lines: {
      type: "array",
      minItems: 1,
      items: { $ref: "#/$defs/line" },
    },
  },
  $defs: {
    line: {
      type: "object",
      required: ["sku"],
      properties: { sku: { type: "string", pattern: "^[A-Z]+-\\d+$" }, quantity: { type: "integer", minimum: 1 } },
    },
  },
};

const findings = (schema: Record<string, unknown>, data: unknown) =>
  check(schema, data).map((each) => `${each.pointer || "(root)"}: ${each.message}`);

describe("validation in the browser", () => {
  it("accepts what fits", () => {
    expect(findings(order, { customer: "Ann", lines: [{ sku: "A-1", quantity: 2 }] })).toEqual([]);
    expect(fits(order, { customer: "Ann", lines: [{ sku: "A-1" }] })).toBe(true);
  });

  it("points at the missing field, not at its object", () => {
    expect(findings(order, { lines: [{}] })).toEqual(
      expect.arrayContaining(["/customer: This is required.", "/lines/0/sku: This is required."]),
    );
  });

  it("reports every problem at once, through references and lists, and no wrappers", () => {
    expect(
      findings(order, {
        customer: "A",
        email: "x",
        level: "tin",
        lines: [{ sku: "a", quantity: 0.5 }],
        extra: 1,
      }).sort(),
    ).toEqual(
      [
        "/customer: This needs at least 2 characters.",
        "/email: This must be an e-mail address.",
        "/extra: This field is not expected here.",
        "/level: Choose one of gold, silver.",
        "/lines/0/quantity: This must be a whole number.",
        "/lines/0/quantity: This must be at least 1.",
        "/lines/0/sku: This does not have the expected form (^[A-Z]+-\\d+$).",
      ].sort(),
    );
  });

  it("follows if / then / else", () => {
    const schema = {
      type: "object",
      properties: { decision: { enum: ["approve", "reject"] }, reason: { type: "string" } },
      if: { properties: { decision: { const: "reject" } }, required: ["decision"] },
      then: { required: ["reason"] },
    };
    expect(findings(schema, { decision: "reject" })).toEqual(["/reason: This is required."]);
    expect(findings(schema, { decision: "approve" })).toEqual([]);
  });

  it("answers for alternatives as a whole", () => {
    const schema = { properties: { id: { anyOf: [{ type: "string" }, { type: "integer" }] } } };
    expect(findings(schema, { id: 1.5 })).toEqual(["/id: This fits none of the allowed forms."]);
  });

  it("uses 2020-12 keywords", () => {
    const schema = { prefixItems: [{ type: "string" }], items: false };
    expect(findings(schema, ["a", 1])).toEqual(["/1: This field is not expected here."]);
  });
});
