/** The button that publishes a draft; says what follows from it, and shows what keeps it from being published. */
import { Rocket } from "lucide-react";
import { useState } from "react";
import { ReasonDialog } from "@/components/ui/ReasonDialog";
import { ApiProblem, api } from "@/lib/api";
import { Breaks } from "./Breaks";

export interface WorkflowDraft {
  workflowId: string;
  version: string;
  /** The version that new runs use now. */
  live: string | null;
  running: number;
  /** Percent of new starts by version; empty while the newest takes all. */
  split?: Record<string, number>;
}

/** A definition of any other kind: its address below /api/v1/, and what follows in sentences. */
export interface OtherDraft {
  address: string;
  version: string;
  consequences: string[];
}

export type PublishProps = WorkflowDraft | OtherDraft;

export default function PublishIsland(props: PublishProps) {
  const [asking, setAsking] = useState(false);
  const { version } = props;
  const address = "address" in props ? props.address : `workflows/definitions/${encodeURIComponent(props.workflowId)}`;
  const follows =
    "address" in props ? props.consequences : consequences(version, props.live, props.running, props.split);

  const publish = async () => {
    try {
      await api.post(`${address}/publish`, { version });
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
          consequences={follows}
          confirmLabel="Publish"
          reason="none"
          dismissLabel="Not yet"
          onConfirm={publish}
          onClose={() => setAsking(false)}
        >
          <Breaks definition={address} version={version} />
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
