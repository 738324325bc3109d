/** A button that has a subscriber handle an event again that it could not handle, now or at a time. */
import { RotateCcw } from "lucide-react";
import { useState } from "react";
import { LetterDialog } from "@/components/ui/LetterDialog";

export interface ReplayProps {
  letterId: string;
  subscriber: string;
}

export default function ReplayIsland({ letterId, subscriber }: ReplayProps) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <button type="button" className="btn btn-quiet btn-xs" onClick={() => setAsking(true)}>
        <RotateCcw className="icon" aria-hidden /> Replay
      </button>
      {asking && (
        <LetterDialog
          verb="replay"
          target={{ id: letterId, subscriber }}
          onDone={() => location.reload()}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}
