import { CircleAlert, TriangleAlert } from "lucide-react";
import type { Violation } from "@/lib/documents";

/** All problems of a draft, each leading to the step it lies in. */
export function Violations({ violations, onShow }: { violations: Violation[]; onShow: (pointer: string) => void }) {
  const errors = violations.filter((each) => each.severity === "error").length;
  return (
    <section className="panel" aria-label="Problems">
      <div className="panel-head">
        <h2>Problems</h2>
        <span className={`count ${errors ? "count-alert" : ""}`}>{violations.length}</span>
        {errors > 0 && <span className="text-muted">An error keeps this version from being published.</span>}
      </div>
      <ul className="violations">
        {violations.map((each) => (
          <li key={`${each.pointer}${each.code}${each.message}`}>
            {each.severity === "error" ? (
              <CircleAlert className="icon text-error" aria-label="Error" />
            ) : (
              <TriangleAlert className="icon text-warning" aria-label="Warning" />
            )}
            <div className="min-w-0">
              <p>{each.message}</p>
              {each.hint && <p className="text-muted">{each.hint}</p>}
              <button
                type="button"
                className="text-link mono text-xs text-left wrap-anywhere"
                onClick={() => onShow(each.pointer)}
              >
                {each.pointer || "/"}
                {each.column ? `, column ${each.column}` : ""}
              </button>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
