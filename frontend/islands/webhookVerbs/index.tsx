/** Pause, resume, ping, delete: each says what follows before it happens. */
import { CirclePause, CirclePlay, CircleX, Send } from "lucide-react";
import { useState } from "react";
import { ReasonDialog } from "@/components/ui/ReasonDialog";
import { api, idempotencyKey, messageOf } from "@/lib/api";

export interface WebhookVerbsProps {
  direction: "in" | "out";
  id: string;
  name: string;
  state: "ACTIVE" | "FAILING" | "PAUSED";
  mayOperate: boolean;
  mayEdit: boolean;
}

type Verb = "pause" | "resume" | "delete";

interface Pinged {
  ok: boolean;
  status: number | null;
  durationMs: number | null;
  answer: string;
  error: { code: string; message: string } | null;
}

const LOOKS: Record<Verb, { label: string; title: string; icon: typeof Send }> = {
  pause: { label: "Pause", title: "Pause", icon: CirclePause },
  resume: { label: "Resume", title: "Resume", icon: CirclePlay },
  delete: { label: "Delete", title: "Delete", icon: CircleX },
};

export default function WebhookVerbs(props: WebhookVerbsProps) {
  const [asked, setAsked] = useState<Verb | null>(null);
  const [busy, setBusy] = useState(false);
  const [found, setFound] = useState<Pinged | null>(null);
  const [failure, setFailure] = useState("");
  const path = `webhooks/${props.direction === "out" ? "subscriptions/" : ""}${encodeURIComponent(props.id)}`;

  const confirm = async (reason: string) => {
    if (asked === "delete") {
      await api.delete(path);
      location.assign(`/events/webhooks${props.direction === "out" ? "?tab=out" : ""}`);
      return;
    }
    await api.post(`${path}/${asked}`, { reason }, { "Idempotency-Key": idempotencyKey() });
    location.reload();
  };

  const ping = async () => {
    setBusy(true);
    setFound(null);
    setFailure("");
    try {
      setFound(await api.post<Pinged>(`${path}/ping`));
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <span className="relative flex flex-wrap gap-2">
      {props.direction === "out" && props.mayOperate && (
        <button type="button" className="btn btn-quiet btn-sm" disabled={busy} onClick={() => void ping()}>
          {busy ? (
            <span className="loading loading-spinner loading-xs" aria-hidden />
          ) : (
            <Send className="icon" aria-hidden />
          )}{" "}
          Ping
        </button>
      )}
      {verbsOf(props).map((verb) => {
        const { label, icon: Icon } = LOOKS[verb];
        const look = verb === "delete" ? "btn-danger" : verb === "resume" ? "btn-primary" : "btn-quiet";
        return (
          <button key={verb} type="button" className={`btn btn-sm ${look}`} onClick={() => setAsked(verb)}>
            <Icon className="icon" aria-hidden /> {label}
          </button>
        );
      })}
      <Outcome
        found={found}
        failure={failure}
        onClose={() => {
          setFound(null);
          setFailure("");
        }}
      />
      {asked && (
        <ReasonDialog
          title={`${LOOKS[asked].title} ${props.name}?`}
          confirmLabel={`${LOOKS[asked].label} ${props.direction === "in" ? "webhook" : "subscription"}`}
          danger={asked === "delete"}
          reason={asked === "delete" ? "none" : "optional"}
          consequences={CONSEQUENCES[props.direction][asked]}
          onConfirm={confirm}
          onClose={() => setAsked(null)}
        />
      )}
    </span>
  );
}

/** What came of a ping, below all verbs. */
function Outcome({ found, failure, onClose }: { found: Pinged | null; failure: string; onClose: () => void }) {
  if (!found && !failure) return null;
  return (
    <span
      className="basis-full sm:absolute sm:right-0 sm:top-full sm:mt-2 sm:w-[32rem] z-20 rounded-lg bg-base-100 sm:shadow-lg"
      role="status"
    >
      <span className={`notice ${found?.ok ? "notice-success" : "notice-error"}`}>
        <span className="min-w-0 flex-1 grid gap-1">
          <span className="font-medium">{found ? wordsOf(found) : failure}</span>
          {found?.answer && <code className="code-sample max-h-48 overflow-y-auto">{found.answer}</code>}
        </span>
        <button type="button" className="btn btn-ghost btn-xs" onClick={onClose}>
          Close
        </button>
      </span>
    </span>
  );
}

export function wordsOf(found: Pick<Pinged, "ok" | "status" | "durationMs" | "error">): string {
  const took = found.durationMs === null ? "" : ` in ${Math.round(found.durationMs)} ms`;
  if (found.ok) return `It arrived: ${found.status}${took}.`;
  return found.error?.message ?? `It did not arrive${took}.`;
}

export function verbsOf(props: Pick<WebhookVerbsProps, "state" | "mayOperate" | "mayEdit">): Verb[] {
  const verbs: Verb[] = [];
  if (props.mayOperate) verbs.push(props.state === "PAUSED" ? "resume" : "pause");
  if (props.mayEdit) verbs.push("delete");
  return verbs;
}

const CONSEQUENCES: Record<"in" | "out", Record<Verb, string[]>> = {
  in: {
    pause: ["Its address answers 404 until it is resumed.", "What is sent there meanwhile is not kept."],
    resume: ["Its address takes calls again."],
    delete: ["Its address answers 404, and its log is gone.", "Events that it recorded stay."],
  },
  out: {
    pause: ["Events that come meanwhile are never sent.", "Those that are being tried again become dead letters."],
    resume: ["Events that come from now on are sent."],
    delete: ["Nothing is sent any more.", "Events that are being tried again become dead letters."],
  },
};
