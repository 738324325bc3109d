/** Pause, resume, delete: each says what follows before it happens. */
import { CirclePause, CirclePlay, CircleX } from "lucide-react";
import { useState } from "react";
import { ReasonDialog } from "@/components/ui/ReasonDialog";
import { api, idempotencyKey } from "@/lib/api";

export interface TriggerVerbsProps {
  triggerId: string;
  state: "ACTIVE" | "PAUSED";
  pattern: string;
  cancels: boolean;
  /** Its name. */
  workflow: string;
  mayOperate: boolean;
  mayEdit: boolean;
}

type Verb = "pause" | "resume" | "delete";

const LOOKS = {
  pause: { label: "Pause", title: "Pause this trigger?", confirm: "Pause trigger", icon: CirclePause },
  resume: { label: "Resume", title: "Resume this trigger?", confirm: "Resume trigger", icon: CirclePlay },
  delete: { label: "Delete", title: "Delete this trigger?", confirm: "Delete trigger", icon: CircleX },
};

export default function TriggerVerbs(props: TriggerVerbsProps) {
  const [asked, setAsked] = useState<Verb | null>(null);
  const path = `workflows/triggers/${encodeURIComponent(props.triggerId)}`;

  const confirm = async (reason: string) => {
    if (asked === "delete") {
      await api.delete(path);
      location.assign("/events/triggers");
      return;
    }
    await api.post(`${path}/${asked}`, { reason }, { "Idempotency-Key": idempotencyKey() });
    location.reload();
  };

  return (
    <span className="flex flex-wrap gap-2">
      {verbsOf(props).map((verb) => {
        const { label, icon: Icon } = LOOKS[verb];
        const look = verb === "delete" ? "btn-danger" : verb === "resume" ? "btn-primary" : "btn-quiet";
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
          danger={asked === "delete"}
          reason={asked === "delete" ? "none" : "optional"}
          consequences={consequences(asked, props)}
          onConfirm={confirm}
          onClose={() => setAsked(null)}
        />
      )}
    </span>
  );
}

export function verbsOf(props: Pick<TriggerVerbsProps, "state" | "mayOperate" | "mayEdit">): Verb[] {
  const verbs: Verb[] = [];
  if (props.mayOperate) verbs.push(props.state === "ACTIVE" ? "pause" : "resume");
  if (props.mayEdit) verbs.push("delete");
  return verbs;
}

export function consequences(verb: Verb, props: Pick<TriggerVerbsProps, "pattern" | "cancels" | "workflow">): string[] {
  const does = props.cancels ? "cancel" : "start";
  if (verb === "pause") {
    return [
      `Events named ${props.pattern} ${does} no ${props.workflow} until it is resumed.`,
      "Those that come meanwhile pass it by for good.",
    ];
  }
  if (verb === "resume") {
    return [
      `Events that come from now on ${does} ${props.workflow} again.`,
      "What came while it was paused stays left out.",
    ];
  }
  return [`Events named ${props.pattern} ${does} no ${props.workflow} any more.`, "Runs that it started stay."];
}
