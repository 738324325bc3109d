/** What the server said when saving: the failure, and the problems that no field shows. */
import type { Violation } from "@/lib/documents";

export function Notes({ failure, violations }: { failure: string; violations: Violation[] }) {
  if (!failure) return null;
  return (
    <div className="notice notice-error" role="alert">
      <div className="min-w-0">
        <p className="font-medium">{failure}</p>
        {violations
          .filter((each) => each.severity === "error" && each.message !== failure)
          .slice(0, 6)
          .map((each) => (
            <p key={each.pointer + each.code}>
              {each.message} {each.hint && <span className="text-muted">{each.hint}</span>}
            </p>
          ))}
      </div>
    </div>
  );
}
