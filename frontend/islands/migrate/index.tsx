/** Whether runs can go on with another version: each position, where lost ones go, and the migration itself. */
import { ArrowRight, Waypoints } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { Marked } from "@/components/ui/Marked";
import { ReasonDialog } from "@/components/ui/ReasonDialog";
import { ApiProblem, api, idempotencyKey, messageOf } from "@/lib/api";
import { type Bulk, Progress } from "./Progress";
import {
  consequences, lost, type Position, preselected, type RunVerdict, runs, summary, VERDICT_WORDS, verdictAddress,
} from "./verdict"; // prettier-ignore

export interface MigrateProps {
  workflowId: string;
  /** Without any mapping. */
  verdict: RunVerdict;
  maySteer: boolean;
  /** The other version is not published yet. */
  draft: boolean;
}

export default function MigrateIsland({ workflowId, verdict: first, maySteer, draft }: MigrateProps) {
  const [unmapped, setUnmapped] = useState(first);
  const [verdict, setVerdict] = useState(first);
  const [mapping, setMapping] = useState(() => preselected(first));
  const [failure, setFailure] = useState("");
  const [asking, setAsking] = useState(false);
  const [bulk, setBulk] = useState<Bulk | null>(null);
  const places = useMemo(() => lost(unmapped), [unmapped]);
  const ready = verdict.instances.COMPATIBLE;

  useEffect(() => {
    let current = true;
    if (Object.keys(mapping).length === 0) {
      setVerdict(unmapped);
      setFailure("");
      return;
    }
    api
      .get<RunVerdict>(verdictAddress(workflowId, unmapped, mapping))
      .then((found) => {
        if (!current) return;
        setVerdict(found);
        setFailure("");
      })
      .catch((error) => current && setFailure(reasons(error)));
    return () => {
      current = false;
    };
  }, [mapping, unmapped, workflowId]);

  const choose = (stepId: string, target: string) => {
    const { [stepId]: _, ...others } = mapping;
    setMapping(target ? { ...others, [stepId]: target } : others);
  };

  const migrate = async (reason: string) => {
    const body = { from: verdict.from, to: verdict.to, mapping, reason };
    const address = `workflows/definitions/${encodeURIComponent(workflowId)}/migrate`;
    setBulk(await api.post<Bulk>(address, body, { "Idempotency-Key": idempotencyKey() }));
  };

  const again = async () => setUnmapped(await api.get<RunVerdict>(verdictAddress(workflowId, unmapped, {})));

  return (
    <div className="grid">
      <div className="panel-body flex flex-wrap items-center gap-3">
        <p className="flex-1 min-w-48" aria-live="polite">
          <strong className="font-medium">{summary(verdict)}</strong>
          {verdict.notExamined > 0 && (
            <span className="block text-muted">{runs(verdict.notExamined)} more were not looked at.</span>
          )}
        </p>
        {maySteer && ready > 0 && (
          <button
            type="button"
            className="btn btn-primary btn-sm"
            disabled={failure !== ""}
            onClick={() => setAsking(true)}
          >
            <Waypoints className="icon" aria-hidden /> Migrate {runs(ready)}
          </button>
        )}
        {draft && <p className="text-muted">Publish {verdict.to} to let runs go on with it.</p>}
      </div>
      {bulk && (
        <div className="panel-body border-t border-(--line)">
          <Progress key={bulk.id} first={bulk} to={verdict.to} onEnd={again} />
        </div>
      )}
      {places.size > 0 && (
        <div className="panel-body border-t border-(--line) grid gap-3">
          <h3 className="field-label">Where lost positions go</h3>
          {[...places].map(([stepId, each]) => (
            <Place key={stepId} stepId={stepId} position={each} value={mapping[stepId] ?? ""} onChange={choose} />
          ))}
          {failure && (
            <div className="notice notice-error" role="alert">
              {failure}
            </div>
          )}
        </div>
      )}
      {verdict.positions.length > 0 && <Positions verdict={verdict} />}
      {asking && (
        <ReasonDialog
          title={`Migrate ${runs(ready)} to ${verdict.to}?`}
          consequences={consequences(verdict, mapping)}
          confirmLabel={`Migrate ${runs(ready)}`}
          onConfirm={migrate}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
}

function Place(props: {
  stepId: string;
  position: Position;
  value: string;
  onChange: (stepId: string, target: string) => void;
}) {
  const { stepId, position, value, onChange } = props;
  return (
    <label className="grid gap-1 sm:grid-cols-[minmax(0,1fr)_auto_minmax(0,1fr)] items-center sm:gap-3">
      <span className="min-w-0">
        <code className="wrap-anywhere">{stepId}</code>{" "}
        <span className="text-faint whitespace-nowrap">{runs(position.instances)}</span>
      </span>
      <ArrowRight className="icon text-faint hidden sm:block" aria-hidden />
      <select className="form-control" value={value} onChange={(event) => onChange(stepId, event.target.value)}>
        <option value="">Nowhere: they stay</option>
        {position.candidates.map((each) => (
          <option key={each} value={each}>
            {each}
            {each === position.suggested ? " (suggested)" : ""}
          </option>
        ))}
      </select>
    </label>
  );
}

function Positions({ verdict }: { verdict: RunVerdict }) {
  return (
    <table className="data-table cards border-t border-(--line)">
      <thead>
        <tr>
          <th scope="col">Stands at</th>
          <th scope="col" className="right">
            Runs
          </th>
          <th scope="col">Verdict</th>
        </tr>
      </thead>
      <tbody>
        {verdict.positions.map((each) => (
          <tr key={`${each.stepId}${each.verdict}${each.message}`}>
            <td>{each.stepId ? <code className="wrap-anywhere">{each.stepId}</code> : "Not begun"}</td>
            <td className="right num" data-label="Runs">
              {each.instances.toLocaleString()}
            </td>
            <td data-label="Verdict">
              <span className="grid gap-1 justify-items-start">
                <span className="state" data-status={each.verdict}>
                  {VERDICT_WORDS[each.verdict]}
                </span>
                <span className="text-muted">
                  <Marked text={each.message} />
                </span>
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function reasons(error: unknown): string {
  if (error instanceof ApiProblem && error.violations.length > 0) {
    return error.violations.map((each) => each.message).join(" ");
  }
  return messageOf(error);
}
