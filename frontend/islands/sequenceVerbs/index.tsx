/** What a person may ask of a run of a sequence; each verb says what follows before it happens. */
import { Check, CircleX, RotateCcw, SkipForward } from "lucide-react";
import { useState } from "react";
import { ReasonDialog } from "@/components/ui/ReasonDialog";
import { api, idempotencyKey } from "@/lib/api";

export type Verb = "retry" | "resolve" | "skip" | "fail";

export interface SequenceVerbsProps {
  runId: string;
  verbs: Verb[];
  /** Failing it records events that undo what was done. */
  compensates: boolean;
  /** ISO 8601; null: it has no end in time. */
  within: string | null;
  /** Those that may be skipped. */
  members: { id: string; title: string; looks: string }[];
}

const LOOKS: Record<Verb, { label: string; title: string; confirm: string; icon: typeof Check }> = {
  retry: { label: "Try again", title: "Let this run go on?", confirm: "Try again", icon: RotateCcw },
  resolve: {
    label: "Count as completed",
    title: "Count this run as completed?",
    confirm: "Count as completed",
    icon: Check,
  },
  skip: { label: "Skip an event", title: "Which event is not needed?", confirm: "Skip it", icon: SkipForward },
  fail: { label: "Give up", title: "Give this run up?", confirm: "Give up", icon: CircleX },
};

export default function SequenceVerbs(props: SequenceVerbsProps) {
  const [asked, setAsked] = useState<Verb | null>(null);
  const [member, setMember] = useState(props.members[0]?.id ?? "");
  const verbs = props.verbs.filter((verb) => verb !== "skip" || props.members.length > 0);

  const confirm = async (notes: string) => {
    const body = { notes, ...(asked === "skip" ? { member } : {}) };
    await api.post(`events/sequences/runs/${props.runId}/${asked}`, body, { "Idempotency-Key": idempotencyKey() });
    location.reload();
  };

  return (
    <span className="flex flex-wrap gap-2">
      {verbs.map((verb) => {
        const { label, icon: Icon } = LOOKS[verb];
        const look = verb === "fail" ? "btn-danger" : verb === "retry" ? "btn-primary" : "btn-quiet";
        return (
          <button key={verb} type="button" className={`btn btn-sm ${look}`} onClick={() => setAsked(verb)}>
            <Icon className="icon" aria-hidden /> {label}
          </button>
        );
      })}
      {asked && (
        <ReasonDialog
          title={LOOKS[asked].title}
          confirmLabel={LOOKS[asked].confirm}
          danger={asked === "fail"}
          reason={asked === "retry" ? "optional" : "required"}
          consequences={consequences(asked, props)}
          onConfirm={confirm}
          onClose={() => setAsked(null)}
        >
          {asked === "skip" && (
            <fieldset className="grid gap-2">
              <legend className="field-label mb-1">Event</legend>
              {props.members.map((each) => (
                <label className="choice" key={each.id}>
                  <input
                    type="radio"
                    className="radio radio-sm"
                    name="member"
                    checked={member === each.id}
                    onChange={() => setMember(each.id)}
                  />
                  <span>
                    {each.title} <span className="text-muted">{each.looks.toLowerCase()}</span>
                  </span>
                </label>
              ))}
            </fieldset>
          )}
        </ReasonDialog>
      )}
    </span>
  );
}

export function consequences(verb: Verb, props: Pick<SequenceVerbsProps, "compensates" | "within">): string[] {
  if (verb === "retry") {
    return [
      "What a subscriber could not handle is replayed, and what came late counts.",
      props.within ? "Its time begins anew." : "It waits for what is missing.",
    ];
  }
  if (verb === "resolve") {
    return ["It counts as completed, and its completed event is recorded: what waits for that starts."];
  }
  if (verb === "skip") {
    return ["The event counts as processed.", "If nothing else is missing, the run is completed."];
  }
  return [
    "It fails, and its failed event is recorded.",
    ...(props.compensates ? ["The events that undo what was done are recorded; that cannot be taken back."] : []),
  ];
}
