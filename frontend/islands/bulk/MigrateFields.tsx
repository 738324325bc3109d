/** Which version the chosen runs of one workflow go on with, and where what stands at steps that it lacks goes. */
import { useEffect, useState } from "react";
import { api, messageOf } from "@/lib/api";
import type { Fields } from "@/lib/steering";
import type { Workflow } from "@/behaviours/selection";
import { preselected, type RunVerdict } from "../migrate/verdict";

interface Version {
  version: string;
  status: string;
  running: number;
}

interface MigrateFieldsProps {
  workflow: Workflow;
  /** With the version and the mapping, once both are known. */
  onFields: (fields: Fields | null) => void;
}

export function MigrateFields({ workflow, onFields }: MigrateFieldsProps) {
  const { id, versions: chosen } = workflow;
  const [versions, setVersions] = useState<Version[]>([]);
  const [to, setTo] = useState("");
  const [mapping, setMapping] = useState<Record<string, string>>({});
  const [failure, setFailure] = useState("");
  const path = `workflows/definitions/${encodeURIComponent(id)}`;
  // Of all that fit a filter nobody knows the versions; those with runs under way are looked at.
  const from = chosen ?? versions.filter((each) => each.running > 0).map((each) => each.version);
  const sources = from.filter((each) => each !== to).join(" ");

  useEffect(() => {
    let current = true;
    api.get<{ items: Version[] }>(`${path}/versions`).then(
      ({ items }) => {
        if (!current) return;
        const published = items.filter((each) => each.status === "published");
        setVersions(published);
        setTo(published[0]?.version ?? "");
        if (published.length === 0) setFailure("No version of it is published.");
      },
      (error: unknown) => current && setFailure(messageOf(error)),
    );
    return () => {
      current = false;
    };
  }, [path]);

  useEffect(() => {
    if (!to) return;
    let current = true;
    onFields(null);
    setFailure("");
    const asked = sources ? sources.split(" ") : [];
    Promise.all(
      asked.map((each) =>
        api.get<RunVerdict>(`${path}/verdict?from=${encodeURIComponent(each)}&to=${encodeURIComponent(to)}`),
      ),
    ).then(
      (verdicts) => {
        if (!current) return;
        const found: Record<string, string> = Object.assign({}, ...verdicts.map(preselected));
        setMapping(found);
        onFields({ version: to, mapping: found });
      },
      (error: unknown) => current && setFailure(messageOf(error)),
    );
    return () => {
      current = false;
    };
  }, [path, to, sources, onFields]);

  return (
    <div className="grid gap-2">
      <label className="grid gap-1">
        <span className="field-label">Go on with version</span>
        <select className="form-control" value={to} onChange={(event) => setTo(event.target.value)}>
          {versions.map((each) => (
            <option key={each.version}>{each.version}</option>
          ))}
        </select>
      </label>
      {Object.entries(mapping).map(([old, now]) => (
        <p key={old} className="text-muted">
          What stands at <code>{old}</code> stands at <code>{now}</code> then.
        </p>
      ))}
      {sources && to && (
        <p>
          <a
            className="text-link"
            href={`/workflows/${encodeURIComponent(id)}/compare?from=${encodeURIComponent(sources.split(" ")[0] as string)}&to=${encodeURIComponent(to)}`}
          >
            Compare the versions, or choose other places
          </a>
        </p>
      )}
      {failure && (
        <div className="notice notice-error" role="alert">
          {failure}
        </div>
      )}
    </div>
  );
}
