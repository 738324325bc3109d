/** The control that splits new starts between published versions, or gives them all to the newest again. */
import { Split } from "lucide-react";
import { useState } from "react";
import { ReasonDialog } from "@/components/ui/ReasonDialog";
import { api } from "@/lib/api";

export interface TrafficProps {
  workflowId: string;
  /** Published ones, the newest first. */
  versions: string[];
  /** Percent by version; empty while the newest takes all. */
  shares: Record<string, number>;
}

export default function TrafficIsland({ workflowId, versions, shares }: TrafficProps) {
  const split = Object.keys(shares).length > 0;
  const newest = versions[0] as string;
  const [asking, setAsking] = useState(false);
  const [wanted, setWanted] = useState<Record<string, number>>(split ? shares : { [newest]: 100 });
  const total = Object.values(wanted).reduce((sum, each) => sum + each, 0);
  const address = `workflows/definitions/${encodeURIComponent(workflowId)}/traffic`;

  const save = async (reason: string) => {
    const named = Object.fromEntries(Object.entries(wanted).filter(([, share]) => share > 0));
    if (total !== 100) throw new Error(`The shares add to ${total}; they must add to 100.`);
    await api.put(address, { versions: named, reason });
    location.reload();
  };

  const join = async () => {
    await api.delete(address);
    location.reload();
  };

  return (
    <>
      <button type="button" className="btn btn-quiet btn-xs" onClick={() => setAsking(true)}>
        <Split className="icon" aria-hidden /> Split starts
      </button>
      {asking && (
        <ReasonDialog
          title="Split new starts"
          consequences={consequences(wanted, newest)}
          confirmLabel="Split starts"
          reason="optional"
          onConfirm={save}
          onClose={() => setAsking(false)}
        >
          <div className="grid gap-2">
            {versions.map((version) => (
              <label key={version} className="flex items-center gap-3">
                <span className="mono flex-1 min-w-0 clip">{version}</span>
                <input
                  type="number"
                  className="form-control num w-24! text-right"
                  min={0}
                  max={100}
                  step={1}
                  value={wanted[version] ?? 0}
                  aria-label={`Percent of new starts on ${version}`}
                  onChange={(event) => setWanted(withShare(wanted, versions, version, event.target.valueAsNumber))}
                />
                <span className="text-faint">%</span>
              </label>
            ))}
            <p
              className={`flex justify-between gap-3 ${total === 100 ? "text-muted" : "text-error"}`}
              aria-live="polite"
            >
              <span>{total === 100 ? "Adds to 100 %" : `Adds to ${total} %, not 100 %`}</span>
              {split && (
                <button type="button" className="text-link" onClick={join}>
                  All to the newest
                </button>
              )}
            </p>
          </div>
        </ReasonDialog>
      )}
    </>
  );
}

/** With two versions the other one takes the rest, so that nobody has to reckon. */
export function withShare(
  shares: Record<string, number>,
  versions: string[],
  version: string,
  given: number,
): Record<string, number> {
  const share = Number.isFinite(given) ? Math.min(100, Math.max(0, Math.round(given))) : 0;
  const changed = { ...shares, [version]: share };
  const other = versions.length === 2 ? versions.find((each) => each !== version) : undefined;
  return other ? { ...changed, [other]: 100 - share } : changed;
}

export function consequences(shares: Record<string, number>, newest: string): string[] {
  const parts = Object.entries(shares).filter(([, share]) => share > 0);
  return [
    parts.length === 1 && parts[0]?.[0] === newest
      ? `All new starts go to ${newest}.`
      : `New starts go ${parts.map(([version, share]) => `${share} % to ${version}`).join(", ")}.`,
    "A correlation id always goes to the same version. Who starts a certain version still gets that one.",
    "Runs under way stay where they are. The split stays until it is changed, also when another version is published.",
  ];
}
