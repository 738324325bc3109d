/** What triggers would make of an event, each in a sentence. */
import { CircleCheck, CircleSlash, CircleX, TriangleAlert } from "lucide-react";
import { JsonView } from "@/components/ui/JsonView";
import type { Verdict } from "./verdict";

const LOOKS = {
  start: { icon: CircleCheck, tone: "text-success", word: "Starts a run" },
  cancel: { icon: CircleX, tone: "text-error", word: "Cancels" },
  skip: { icon: CircleSlash, tone: "text-faint", word: "Does nothing" },
};

/** It matches, and nothing comes of it that anybody wanted. */
function isTrouble(verdict: Verdict): boolean {
  return verdict.would === "skip" && (verdict.reason.includes("dead letter") || verdict.inputViolations.length > 0);
}

export function VerdictCard({ verdict, bare }: { verdict: Verdict; bare?: boolean }) {
  const trouble = isTrouble(verdict);
  const { icon, tone, word } = LOOKS[verdict.would];
  const Icon = trouble ? TriangleAlert : icon;
  return (
    <article className="flex gap-3 items-start">
      <Icon
        className={`icon mt-0.5 shrink-0 ${trouble ? "text-warning" : tone}`}
        aria-label={trouble ? "Fails" : word}
      />
      <div className="min-w-0 grid gap-1 flex-1">
        {!bare && (
          <p className="flex flex-wrap items-baseline gap-x-2">
            <a className="text-link font-medium" href={`/events/triggers/${encodeURIComponent(verdict.triggerId)}`}>
              {verdict.name || verdict.triggerId}
            </a>
            <code className="text-muted text-xs">{verdict.eventPattern}</code>
          </p>
        )}
        <p className={verdict.would === "skip" ? "text-muted wrap-anywhere" : "wrap-anywhere"}>
          <Coded text={verdict.reason} />
        </p>
        {verdict.inputViolations.length > 0 && (
          <ul className="grid gap-0.5 text-xs">
            {verdict.inputViolations.slice(0, 5).map((each) => (
              <li key={each.pointer + each.code} className="field-error">
                <code>{each.pointer}</code> <Coded text={each.message} />
              </li>
            ))}
          </ul>
        )}
        {verdict.matches && verdict.input !== null && (
          <details>
            <summary className="text-muted text-xs cursor-pointer">Input of the run</summary>
            <div className="mt-2">
              <JsonView value={verdict.input} label="Input of the run" />
            </div>
          </details>
        )}
      </div>
    </article>
  );
}

/** A sentence with its `code` set as code. */
export function Coded({ text }: { text: string }) {
  return (
    <>{text.split("`").map((part, index) => (index % 2 === 1 ? <code key={`${index}${part}`}>{part}</code> : part))}</>
  );
}
