/** Has a subscriber handle an event again that it could not handle. */
import { RotateCcw } from "lucide-react";
import { useState } from "react";
import { ReasonDialog } from "@/components/ui/ReasonDialog";
import { api, idempotencyKey } from "@/lib/api";

export interface ReplayProps {
  letterId: string;
  subscriber: string;
}

export default function ReplayIsland({ letterId, subscriber }: ReplayProps) {
  const [asking, setAsking] = useState(false);
  const replay = async (notes: string) => {
    const headers = { "Idempotency-Key": idempotencyKey() };
    await api.post(`events/dead-letters/${letterId}/replay`, { notes }, headers);
    location.reload();
  };
  return (
    <>
      <button type="button" className="btn btn-quiet btn-xs" onClick={() => setAsking(true)}>
        <RotateCcw className="icon" aria-hidden /> Replay
      </button>
      {asking && (
        <ReasonDialog
          title={`Hand it to ${subscriber} again?`}
          consequences={[
            "The event is handled as if it had just come, by this subscriber alone.",
            "If it fails again, it comes back here.",
          ]}
          confirmLabel="Replay"
          reason="optional"
          dismissLabel="Not now"
          onConfirm={replay}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}
