import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { createRef, useState } from "react";
import { afterEach, describe, expect, it } from "vitest";
import type { Violation } from "@/lib/documents";
import { SchemaForm, type SchemaFormHandle } from "./SchemaForm";

const schema = {
  type: "object",
  required: ["name", "amount"],
  properties: {
    name: { type: "string", title: "Name", minLength: 1 },
    amount: { type: "number", title: "Amount", minimum: 5 },
    urgent: { type: "boolean", title: "Urgent" },
    lines: { type: "array", title: "Lines", items: { type: "object", properties: { sku: { type: "string" } } } },
    html: { type: "string", title: "<img src=x onerror=alert(1)>", description: "<b>bold</b>" },
  },
};

function Harness({ handle, violations }: { handle: React.Ref<SchemaFormHandle>; violations?: Violation[] }) {
  const [value, setValue] = useState<unknown>({});
  return <SchemaForm ref={handle} schema={schema} value={value} onChange={setValue} serverViolations={violations} />;
}

afterEach(cleanup);

describe("a form made from a schema", () => {
  it("keeps quiet until a field was left, then says what is wrong", async () => {
    render(<Harness handle={createRef()} />);
    expect(screen.queryByRole("alert")).toBeNull();
    const amount = screen.getByLabelText(/Amount/);
    fireEvent.change(amount, { target: { value: "3" } });
    expect(screen.queryByText("This must be at least 5.")).toBeNull();
    fireEvent.blur(amount);
    expect(await screen.findByText("This must be at least 5.")).toBeTruthy();
    expect(amount.getAttribute("aria-invalid")).toBe("true");
  });

  it("shows every problem on submit and hands out the data once there is none", async () => {
    const handle = createRef<SchemaFormHandle>();
    render(<Harness handle={handle} />);
    let result = handle.current!.submit();
    expect(result.valid).toBe(false);
    expect((await screen.findAllByText("This is required.")).length).toBe(2);
    fireEvent.change(screen.getByLabelText(/Name/), { target: { value: "Ann" } });
    fireEvent.change(screen.getByLabelText(/Amount/), { target: { value: "12.5" } });
    result = handle.current!.submit();
    expect(result).toMatchObject({ valid: true, data: { name: "Ann", amount: 12.5 } });
  });

  it("puts what the server found at its field", async () => {
    const violations: Violation[] = [
      { code: "taken", severity: "error", pointer: "/name", message: "This name is taken.", hint: "Try another." },
    ];
    render(<Harness handle={createRef()} violations={violations} />);
    const error = await screen.findByText("This name is taken. Try another.");
    expect(error.closest("[data-field]")?.getAttribute("data-field")).toBe("field_name");
  });

  it("renders markup in titles and descriptions as text", () => {
    const { container } = render(<Harness handle={createRef()} />);
    expect(container.querySelector("img, b")).toBeNull();
    expect(screen.getByText("<b>bold</b>")).toBeTruthy();
  });

  it("adds and removes entries of a list", async () => {
    render(<Harness handle={createRef()} />);
    fireEvent.click(screen.getByRole("button", { name: "Add" }));
    const sku = await screen.findByLabelText(/Sku/);
    fireEvent.change(sku, { target: { value: "A-1" } });
    fireEvent.click(screen.getByRole("button", { name: "Remove" }));
    expect(screen.queryByLabelText(/Sku/)).toBeNull();
  });
});
