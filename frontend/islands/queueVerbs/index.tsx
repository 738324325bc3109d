/**
 * Pause, resume, drain, delete: each says what follows before it happens.
 *
 * The buttons stand in the page, `<button data-queue-verb="pause">` within `<… data-queue='{"id": …}'>`, so that they are as
 * fresh as the figures beside them; this island asks and does.
 */
import { useEffect, useState } from "react";
import { ReasonDialog } from "@/components/ui/ReasonDialog";
import { api, idempotencyKey } from "@/lib/api";

export interface QueueNow {
  id: string;
  status: "active" | "paused" | "draining";
  isDrained: boolean;
  isDefault: boolean;
  depth: number;
  highWatermark: number;
  retrying: number;
}

export type QueueVerb = "pause" | "resume" | "drain" | "delete";

const VERBS: Record<QueueVerb, { title: (id: string) => string; confirm: string }> = {
  pause: { title: (id) => `Pause the queue ${id}?`, confirm: "Pause queue" },
  resume: { title: (id) => `Resume the queue ${id}?`, confirm: "Resume queue" },
  drain: { title: (id) => `Drain the queue ${id}?`, confirm: "Drain queue" },
  delete: { title: (id) => `Delete the queue ${id}?`, confirm: "Delete queue" },
};

export default function QueueVerbs() {
  const [asked, setAsked] = useState<{ verb: QueueVerb; queue: QueueNow } | null>(null);

  useEffect(() => {
    const hear = (event: MouseEvent) => {
      const button = (event.target as Element).closest<HTMLElement>("[data-queue-verb]");
      const about = button?.closest<HTMLElement>("[data-queue]")?.dataset.queue;
      if (!button || !about) return;
      setAsked({ verb: button.dataset.queueVerb as QueueVerb, queue: JSON.parse(about) as QueueNow });
    };
    document.addEventListener("click", hear);
    return () => document.removeEventListener("click", hear);
  }, []);

  if (!asked) return <span hidden />; // drawn, and waiting to be asked
  const { verb, queue } = asked;
  const path = `events/queues/${encodeURIComponent(queue.id)}`;

  const confirm = async (reason: string) => {
    if (verb === "delete") {
      await api.delete(path);
      location.assign("/events/queues");
      return;
    }
    await api.post(`${path}/${verb}`, { reason }, { "Idempotency-Key": idempotencyKey() });
    document.dispatchEvent(new CustomEvent("refresh:now"));
  };

  return (
    <ReasonDialog
      key={`${queue.id} ${verb}`}
      title={VERBS[verb].title(queue.id)}
      confirmLabel={VERBS[verb].confirm}
      danger={verb === "delete"}
      reason={verb === "delete" ? "none" : verb === "resume" ? "optional" : "required"}
      consequences={consequences(verb, queue)}
      onConfirm={confirm}
      onClose={() => setAsked(null)}
    />
  );
}

export function consequences(verb: QueueVerb, queue: QueueNow): string[] {
  const { depth, highWatermark, retrying } = queue;
  const most = highWatermark.toLocaleString("en");
  if (verb === "pause") {
    return [
      `Events still come in, up to ${most}; ${waiting(depth)} now.`,
      "Nothing is handed out until it is resumed: workflows that these events would start or wake wait with them.",
      ...(depth >= highWatermark ? ["It is full: senders from outside are refused until it is resumed."] : []),
    ];
  }
  if (verb === "resume") {
    return [
      depth > 0
        ? `${counted(depth, "event is", "events are")} handed out at once, in the order in which they came.`
        : "What comes is handed out at once.",
      ...(queue.status === "draining" ? ["Events from outside are taken again."] : []),
      ...(retrying > 0 ? [`${counted(retrying, "failed delivery is", "failed deliveries are")} tried again.`] : []),
    ];
  }
  if (verb === "drain") {
    return [
      "Senders from outside are refused, and told to try again later. What workflows emit still comes in.",
      depth + retrying > 0
        ? `${upper(waiting(depth))}${retrying > 0 ? `, ${counted(retrying, "delivery is", "deliveries are")} to be tried again` : ""}; all of that is dealt with, then the queue says that it is drained.`
        : "It is empty, so it is drained at once.",
      "It stays so until it is resumed.",
    ];
  }
  return [
    depth > 0
      ? `${counted(depth, "event goes", "events go")} into the default queue and ${depth === 1 ? "is" : "are"} handed out there.`
      : "Nothing waits in it, so nothing moves.",
    "What its patterns fit goes into another queue from now on, the default one if no other fits.",
    ...(queue.status === "active" ? [] : [`That it is ${queue.status} ends with it.`]),
  ];
}

function waiting(depth: number): string {
  return depth === 0 ? "none waits" : counted(depth, "waits", "wait");
}

function upper(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function counted(number: number, one: string, many: string): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}
