/** Pause, resume, run now, delete: each says what follows before it happens. */
import { CirclePause, CirclePlay, CircleX, Play } from "lucide-react";
import { useState } from "react";
import { ReasonDialog } from "@/components/ui/ReasonDialog";
import { api, idempotencyKey } from "@/lib/api";

export interface CatchUpOption {
  catchUp: "NONE" | "LAST" | "ALL";
  fires: number;
  sentence: string;
}

export interface ScheduleVerbsProps {
  scheduleId: string;
  name: string;
  words: string;
  state: "ACTIVE" | "PAUSED" | "ENDED";
  inline: boolean;
  overlap: string;
  lastRunGoing: boolean;
  missed: number;
  catchUp: CatchUpOption[];
  mayOperate: boolean;
  mayStart: boolean;
  mayEdit: boolean;
}

type Verb = "pause" | "resume" | "fire" | "delete";

const LOOKS: Record<Verb, { label: string; title: string; confirm: string; icon: typeof Play }> = {
  pause: { label: "Pause", title: "Pause this schedule?", confirm: "Pause schedule", icon: CirclePause },
  resume: { label: "Resume", title: "Resume this schedule?", confirm: "Resume schedule", icon: CirclePlay },
  fire: { label: "Run now", title: "Start a run now?", confirm: "Start run", icon: Play },
  delete: { label: "Delete", title: "Delete this schedule?", confirm: "Delete schedule", icon: CircleX },
};

export default function ScheduleVerbs(props: ScheduleVerbsProps) {
  const [asked, setAsked] = useState<Verb | null>(null);
  const [catchUp, setCatchUp] = useState<CatchUpOption["catchUp"]>("NONE");
  const path = `workflows/schedules/${encodeURIComponent(props.scheduleId)}`;

  const confirm = async (reason: string) => {
    const once = { "Idempotency-Key": idempotencyKey() };
    if (asked === "delete") {
      await api.delete(path);
      location.assign("/schedules");
      return;
    }
    await api.post(`${path}/${asked}`, { reason, ...(asked === "resume" ? { catchUp } : {}) }, once);
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
          consequences={consequences(asked, props, catchUp)}
          onConfirm={confirm}
          onClose={() => setAsked(null)}
        >
          {asked === "resume" && props.missed > 0 && (
            <fieldset className="grid gap-2">
              <legend className="field-label mb-1">The fires it missed</legend>
              {props.catchUp.map((each) => (
                <label className="choice" key={each.catchUp}>
                  <input
                    type="radio"
                    className="radio radio-sm"
                    name="catch-up"
                    checked={catchUp === each.catchUp}
                    onChange={() => setCatchUp(each.catchUp)}
                  />
                  <span>{each.sentence}</span>
                </label>
              ))}
            </fieldset>
          )}
        </ReasonDialog>
      )}
    </span>
  );
}

export function verbsOf(props: Pick<ScheduleVerbsProps, "state" | "mayOperate" | "mayStart" | "mayEdit">): Verb[] {
  const verbs: Verb[] = [];
  if (props.mayOperate && props.mayStart) verbs.push("fire");
  if (props.mayOperate && props.state === "ACTIVE") verbs.push("pause");
  if (props.mayOperate && props.state === "PAUSED") verbs.push("resume");
  if (props.mayEdit) verbs.push("delete");
  return verbs;
}

export function consequences(
  verb: Verb,
  props: Pick<ScheduleVerbsProps, "words" | "overlap" | "lastRunGoing" | "missed" | "catchUp">,
  catchUp: CatchUpOption["catchUp"],
): string[] {
  if (verb === "pause") {
    return ["It starts nothing until it is resumed.", "Runs under way go on."];
  }
  if (verb === "resume") {
    const chosen = props.catchUp.find((each) => each.catchUp === catchUp);
    return [`It fires again: ${lower(props.words)}.`, chosen?.sentence ?? "Nothing was missed."];
  }
  if (verb === "fire") {
    const going = props.lastRunGoing ? GOING[props.overlap] : undefined;
    return ["A run starts at once, beside the timetable.", ...(going ? [going] : [])];
  }
  return ["It starts nothing any more, and its log is gone.", "Runs that it started stay."];
}

const GOING: Record<string, string> = {
  SKIP: "The last run is still going, so this is refused until it has ended.",
  QUEUE: "The last run is still going; this one begins when it has ended.",
  CANCEL_RUNNING: "The last run is still going and is cancelled.",
};

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
