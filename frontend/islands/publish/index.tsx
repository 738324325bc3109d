/** The button that publishes a draft; says what follows from it, and shows what keeps it from being published. */
import { Rocket } from "lucide-react";
import { useState } from "react";
import { ReasonDialog } from "@/components/ui/ReasonDialog";
import { ApiProblem, api } from "@/lib/api";
import { Breaks } from "./Breaks";

export interface PublishProps {
  workflowId: string;
  version: string;
  /** The version that new runs use now. */
  live: string | null;
  running: number;
  /** Percent of new starts by version; empty while the newest takes all. */
  split?: Record<string, number>;
}

export default function PublishIsland({ workflowId, version, live, running, split = {} }: PublishProps) {
  const [asking, setAsking] = useState(false);

  const publish = async () => {
    try {
      await api.post(`workflows/definitions/${encodeURIComponent(workflowId)}/publish`, { version });
    } catch (error) {
      if (error instanceof ApiProblem && error.violations.length > 0) {
        throw new Error([error.message, ...error.violations.slice(0, 3).map((each) => each.message)].join(" "));
      }
      throw error;
    }
    location.reload();
  };

  return (
    <>
      <button type="button" className="btn btn-primary btn-sm" onClick={() => setAsking(true)}>
        <Rocket className="icon" aria-hidden /> Publish
      </button>
      {asking && (
        <ReasonDialog
          title={`Publish version ${version}?`}
          consequences={consequences(version, live, running, split)}
          confirmLabel="Publish"
          reason="none"
          dismissLabel="Not yet"
          onConfirm={publish}
          onClose={() => setAsking(false)}
        >
          <Breaks workflowId={workflowId} version={version} />
        </ReasonDialog>
      )}
    </>
  );
}

export function consequences(
  version: string,
  live: string | null,
  running: number,
  split: Record<string, number> = {},
): string[] {
  const shares = Object.entries(split).map(([each, share]) => `${share} % to ${each}`);
  return [
    `Version ${version} can no longer be changed.`,
    shares.length
      ? `New starts stay split (${shares.join(", ")}); ${version} gets none until you change the split.`
      : live
        ? `New runs use it instead of ${live}.`
        : "It can be started from now on.",
    ...(running
      ? [`The ${running} ${running === 1 ? "run" : "runs"} under way stay on the version they began with.`]
      : []),
  ];
}
