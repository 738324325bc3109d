/** The foot of a form: what the server said when saving, always in view however long the form is, and the buttons. */
import type { ReactNode } from "react";
import type { Violation } from "@/lib/documents";
import { Notes } from "./Notes";

export function FormFoot(props: { failure: string; violations: Violation[]; children: ReactNode }) {
  return (
    <div className="grid gap-3 border-t border-line p-4">
      <div className="max-h-40 overflow-y-auto empty:hidden">
        <Notes failure={props.failure} violations={props.violations} />
      </div>
      <div className="flex items-center gap-3">{props.children}</div>
    </div>
  );
}
