/** What would follow from a verb, as the server's preview says it; or why it is refused. */
import { AlarmClock, Ban, CircleX, Flag, type LucideIcon, Megaphone, Play, RotateCcw, ShieldCheck, SkipForward, TimerOff, Undo2, UserRoundX, Workflow } from "lucide-react"; // prettier-ignore
import { Status } from "@/components/ui/Status";
import type { PreviewState } from "@/lib/usePreview";

const ICONS: Record<string, LucideIcon> = {
  STEP_CANCELLED: CircleX, TASK_WITHDRAWN: UserRoundX, TIMER_STOPPED: TimerOff, CHILD_CANCELLED: Workflow, STEP_UNDONE: Undo2,
  STEP_BEGINS: Play, STEP_AGAIN: RotateCcw, EVENT_EMITTED: Megaphone, RUN_ENDS: Flag, KEPT: ShieldCheck,
  STEP_SKIPPED: SkipForward, TIMER_RESUMED: AlarmClock,
}; // prettier-ignore

export function Consequences({ state, incomplete }: { state: PreviewState; incomplete: string }) {
  const { answer, asking, failure } = state;
  if (failure) {
    return (
      <div className="notice notice-error" role="alert">
        {failure}
      </div>
    );
  }
  if (!answer) {
    if (!asking) return <p className="text-muted">{incomplete}</p>;
    return (
      <p className="text-muted flex items-center gap-2" aria-busy="true">
        <span className="loading loading-spinner loading-xs" aria-hidden /> Looking at what would follow …
      </p>
    );
  }
  if (!answer.allowed) {
    return (
      <div className="notice notice-warning" role="status">
        <Ban className="icon" aria-hidden />
        <div className="min-w-0">
          <p className="font-medium">{answer.refusal || answer.sentence}</p>
          {answer.violations
            .filter((each) => !answer.refusal?.includes(each.message))
            .map((each) => (
              <p key={each.pointer + each.message} className="text-muted">
                {each.message} {each.hint}
              </p>
            ))}
        </div>
      </div>
    );
  }
  // How it ends stands below, in its colour.
  const told = answer.consequences.filter((each) => each.kind !== "RUN_ENDS" || !answer.endsAs);
  return (
    <section className="consequence-box" aria-label="What will happen" aria-live="polite" aria-busy={asking}>
      <p className="font-medium">{answer.sentence}</p>
      {told.length > 0 && (
        <ul className="consequence-list">
          {told.map((each) => {
            const Icon = ICONS[each.kind] ?? Play;
            return (
              <li key={`${each.kind}${each.stepId ?? ""}${each.sentence}`} data-kind={each.kind}>
                <Icon className="icon" aria-hidden />
                <span className="min-w-0">{each.sentence}</span>
              </li>
            );
          })}
        </ul>
      )}
      {answer.endsAs && (
        <p className="flex items-center gap-2 text-muted">
          Then it is <Status value={answer.endsAs} />
        </p>
      )}
      {answer.violations.map((each) => (
        <p key={each.pointer + each.message} className="text-muted">
          {each.message} {each.hint}
        </p>
      ))}
    </section>
  );
}
