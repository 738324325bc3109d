/** Replay, resolve, discard one dead letter. The buttons stand in the page: `<button data-letter-verb="replay">`. */
import { useEffect, useState } from "react";
import { LetterDialog, type LetterVerb } from "@/components/ui/LetterDialog";

export interface LetterVerbsProps {
  letterId: string;
  subscriber: string;
  scheduled: boolean;
}

export default function LetterVerbs({ letterId, subscriber, scheduled }: LetterVerbsProps) {
  const [asked, setAsked] = useState<LetterVerb | null>(null);

  useEffect(() => {
    const hear = (event: MouseEvent) => {
      const button = (event.target as Element).closest<HTMLElement>("[data-letter-verb]");
      if (button) setAsked(button.dataset.letterVerb as LetterVerb);
    };
    document.addEventListener("click", hear);
    return () => document.removeEventListener("click", hear);
  }, []);

  if (!asked) return <span hidden />; // drawn, and waiting to be asked
  return (
    <LetterDialog
      key={asked}
      verb={asked}
      target={{ id: letterId, subscriber, scheduled }}
      onDone={() => document.dispatchEvent(new CustomEvent("refresh:now"))}
      onClose={() => setAsked(null)}
    />
  );
}
