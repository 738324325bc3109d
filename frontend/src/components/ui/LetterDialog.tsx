/** Asks before dead letters are replayed, discarded or resolved: says what follows, for how many, and when. */
import { useState } from "react";
import { ReasonDialog } from "@/components/ui/ReasonDialog";
import { api, idempotencyKey } from "@/lib/api";
import { absolute } from "@/lib/time";

export type LetterVerb = "replay" | "discard" | "resolve";

/** One letter, or all pending ones that a filter of the API fits; `count` of them, as far as is known. */
export type LetterTarget = { id: string; subscriber: string; scheduled?: boolean } | { filter: object; count: number };

export interface LetterDone {
  verb: LetterVerb;
  count: number;
  at: string | null;
}

interface LetterDialogProps {
  verb: LetterVerb;
  target: LetterTarget;
  onDone: (done: LetterDone) => void;
  onClose: () => void;
}

/** What one replay or discard by filter takes at most; the API's own limit. */
export const MOST = 10_000;
const HOUR = 3_600_000;

export function LetterDialog({ verb, target, onDone, onClose }: LetterDialogProps) {
  const [later, setLater] = useState(false);
  const [when, setWhen] = useState(() => localField(new Date(Math.ceil(Date.now() / HOUR) * HOUR + HOUR)));
  const at = later ? momentOf(when) : null;
  const tooEarly = later && (at === null || Date.parse(at) <= Date.now());
  const count = "id" in target ? 1 : target.count;

  const confirm = async (notes: string) => {
    const once = { "Idempotency-Key": idempotencyKey() };
    const more = verb === "replay" && at ? { at } : {};
    if ("id" in target) {
      await api.post(`events/dead-letters/${target.id}/${verb}`, { notes, ...more }, once);
      onDone({ verb, count: 1, at });
      return;
    }
    const done = await api.post<{ count: number }>(
      `events/dead-letters/${verb}`,
      { filter: target.filter, notes, ...more },
      once,
    );
    onDone({ verb, count: done.count, at });
  };

  return (
    <ReasonDialog
      title={titleOf(verb, target)}
      confirmLabel={labelOf(verb, count, "id" in target)}
      danger={verb === "discard"}
      reason={verb === "replay" ? "optional" : "required"}
      dismissLabel="Not now"
      blocked={tooEarly}
      consequences={consequences(verb, target, at)}
      onConfirm={confirm}
      onClose={onClose}
    >
      {verb === "replay" && (
        <fieldset className="grid gap-2">
          <legend className="field-label mb-1">When</legend>
          <label className="choice">
            <input
              type="radio"
              className="radio radio-sm"
              name="when"
              checked={!later}
              onChange={() => setLater(false)}
            />
            <span>Now</span>
          </label>
          <label className="choice">
            <input
              type="radio"
              className="radio radio-sm"
              name="when"
              checked={later}
              onChange={() => setLater(true)}
            />
            <span>At a time</span>
          </label>
          {later && (
            <>
              <input
                type="datetime-local"
                className="text-field w-60!"
                aria-label="When to replay"
                aria-invalid={tooEarly || undefined}
                value={when}
                onChange={(event) => setWhen(event.target.value)}
              />
              {tooEarly && (
                <span className="field-error" role="alert">
                  Choose a time that is still to come.
                </span>
              )}
            </>
          )}
        </fieldset>
      )}
    </ReasonDialog>
  );
}

export function consequences(verb: LetterVerb, target: LetterTarget, at: string | null): string[] {
  const one = "id" in target;
  const count = one ? 1 : target.count;
  const many = count.toLocaleString("en");
  const rest = count > MOST ? [`${MOST.toLocaleString("en")} are taken now; do it again for the rest.`] : [];
  if (verb === "replay") {
    const begins = at ? `Nothing happens before ${absolute(at)}; until then it can be moved or given up.` : "";
    return [
      ...(begins ? [begins] : one && target.scheduled ? ["It happens now instead of at the time that was set."] : []),
      one
        ? `The event is handled as if it had just come, by ${target.subscriber} alone.`
        : count === 1
          ? "The event is handled as if it had just come, by the subscriber that could not."
          : `${many} events are handled as if they had just come, each by the subscriber that could not.`,
      one || count === 1
        ? "If it fails again, it is pending again, with that attempt in its history."
        : "Those that fail again are pending again, with that attempt in their history.",
      ...rest,
    ];
  }
  if (verb === "discard") {
    return [
      one
        ? `${target.subscriber} never handles this event.`
        : count === 1
          ? "The event is given up for its subscriber, which never handles it."
          : `${many} events are given up for their subscribers, which never handle them.`,
      `${one || count === 1 ? "The letter is" : "The letters are"} kept among the discarded with your reason. It cannot be taken back.`,
      ...rest,
    ];
  }
  return [
    "Nothing is handled again: it is noted that what the event asked for was done by other means.",
    "Say in the reason how. It cannot be taken back.",
  ];
}

function titleOf(verb: LetterVerb, target: LetterTarget): string {
  const what = "id" in target ? "this event" : target.count === 1 ? "1 event" : `${target.count.toLocaleString("en")} events`; // prettier-ignore
  if (verb === "replay") return `Replay ${what}?`;
  return verb === "discard" ? `Discard ${what}?` : "Resolve by other means?";
}

function labelOf(verb: LetterVerb, count: number, one: boolean): string {
  const word = { replay: "Replay", discard: "Discard", resolve: "Resolve" }[verb];
  return one ? word : `${word} (${Math.min(count, MOST).toLocaleString("en")})`;
}

function localField(date: Date): string {
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}T${pad(date.getHours())}:${pad(date.getMinutes())}`;
}

function momentOf(text: string): string | null {
  const date = new Date(text);
  return text && !Number.isNaN(date.getTime()) ? date.toISOString() : null;
}
