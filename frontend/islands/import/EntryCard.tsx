/** One document: what it is, what was converted, what is still open, and the result. */
import { ArrowRight, CircleAlert, TriangleAlert, X } from "lucide-react";
import { useState } from "react";
import { JsonView } from "@/components/ui/JsonView";
import type { Json } from "@/lib/documents";
import { type Change, type Entry, type Finding, type PatchStep, shown, standing } from "./importing";

const STANDING = {
  ready: ["COMPLETED", "Ready"],
  unchanged: ["COMPLETED", "Already here"],
  open: ["FAILED", "Needs a change"],
  unkept: ["WAITING", "Not kept here"],
  unreadable: ["FAILED", "Cannot be read"],
} as const;
const MOST = 50;

interface EntryCardProps {
  entry: Entry;
  busy: boolean;
  onInclude: (included: boolean) => void;
  onRemove: () => void;
  onFix: (steps: PatchStep[]) => void;
  onEdit: (text: string) => void;
}

export function EntryCard({ entry, busy, onInclude, onRemove, onFix, onEdit }: EntryCardProps) {
  const [editing, setEditing] = useState<string | null>(null);
  const [status, word] = STANDING[standing(entry)];
  const savable = entry.kept && entry.document !== null;
  return (
    <section className="panel import-entry" aria-label={entry.source}>
      <div className="panel-head">
        <label className="flex items-center gap-2 min-w-0">
          <input
            type="checkbox"
            className="checkbox checkbox-xs"
            checked={entry.included && savable}
            disabled={busy || !savable}
            aria-label={`Save ${entry.source}`}
            onChange={(event) => onInclude(event.target.checked)}
          />
          <h2 className="wrap-anywhere">{entry.id ?? entry.source}</h2>
        </label>
        {entry.kind && <span className="tag">{entry.kind}</span>}
        {entry.version && <span className="mono text-faint text-xs">{entry.version}</span>}
        <span className="state" data-status={status}>
          {word}
        </span>
        <div className="actions">
          {entry.id !== null && entry.id !== entry.source && (
            <span className="text-faint text-xs clip max-w-48">{entry.source}</span>
          )}
          <button
            type="button"
            className="btn btn-ghost btn-xs btn-square"
            aria-label={`Remove ${entry.source}`}
            disabled={busy}
            onClick={onRemove}
          >
            <X className="icon" aria-hidden />
          </button>
        </div>
      </div>
      {entry.violations.length > 0 && <Findings findings={entry.violations} busy={busy} onFix={onFix} />}
      {entry.changes.length > 0 && <Changes changes={entry.changes} />}
      {entry.changes.length === 0 && entry.violations.length === 0 && (
        <p className="px-4 py-3 text-muted">Nothing had to be converted.</p>
      )}
      <details className="import-document" open={editing !== null || entry.document === null || undefined}>
        <summary>{entry.document === null ? "The text" : "The converted document"}</summary>
        <div className="grid gap-3 pt-3">
          {editing === null && entry.document !== null ? (
            <>
              <JsonView value={entry.document} label={entry.source} />
              <button
                type="button"
                className="btn btn-quiet btn-xs justify-self-start"
                disabled={busy}
                onClick={() => setEditing(JSON.stringify(entry.document, null, 2))}
              >
                Edit
              </button>
            </>
          ) : (
            <>
              <textarea
                className="text-field mono text-xs min-h-72!"
                spellCheck={false}
                aria-label={`${entry.source} as JSON`}
                value={editing ?? entry.text ?? ""}
                onChange={(event) => setEditing(event.target.value)}
              />
              <div className="flex gap-2">
                <button
                  type="button"
                  className="btn btn-primary btn-xs"
                  disabled={busy || editing === null}
                  onClick={() => {
                    onEdit(editing ?? "");
                    setEditing(null);
                  }}
                >
                  Check again
                </button>
                {editing !== null && (
                  <button type="button" className="btn btn-ghost btn-xs" onClick={() => setEditing(null)}>
                    Undo
                  </button>
                )}
              </div>
            </>
          )}
        </div>
      </details>
    </section>
  );
}

function Findings({
  findings,
  busy,
  onFix,
}: {
  findings: Finding[];
  busy: boolean;
  onFix: (steps: PatchStep[]) => void;
}) {
  return (
    <ul className="violations">
      {findings.slice(0, MOST).map((each) => (
        <li key={`${each.pointer}${each.code}${each.message}`}>
          {each.severity === "error" ? (
            <CircleAlert className="icon text-error" aria-label="Error" />
          ) : (
            <TriangleAlert className="icon text-warning" aria-label="Warning" />
          )}
          <div className="min-w-0 grid gap-0.5">
            <p className="wrap-anywhere">
              <Marked text={each.message} />
            </p>
            {each.hint && (
              <p className="text-muted wrap-anywhere">
                <Marked text={each.hint} />
              </p>
            )}
            <code className="text-faint text-xs wrap-anywhere">
              {each.pointer || "/"}
              {each.column ? `, column ${each.column}` : ""}
            </code>
            <Ways finding={each} busy={busy} onFix={onFix} />
          </div>
        </li>
      ))}
      {findings.length > MOST && <li className="text-faint">… {findings.length - MOST} more</li>}
    </ul>
  );
}

/** The ways to settle a finding: its choices, or the one thing that can be meant. */
function Ways({ finding, busy, onFix }: { finding: Finding; busy: boolean; onFix: (steps: PatchStep[]) => void }) {
  const ways = finding.choices?.length
    ? finding.choices
    : finding.fix?.length
      ? [{ label: "Mend it", fix: finding.fix }]
      : [];
  if (ways.length === 0) return null;
  return (
    <div className="flex flex-wrap gap-1.5 mt-1.5">
      {ways.map((way) => (
        <button
          key={way.label}
          type="button"
          className="btn btn-quiet btn-xs h-auto! min-h-6 py-0.5 max-w-full text-left wrap-anywhere"
          disabled={busy}
          onClick={() => onFix(way.fix)}
        >
          {way.label}
        </button>
      ))}
    </div>
  );
}

function Changes({ changes }: { changes: Change[] }) {
  const [all, setAll] = useState(false);
  const listed = all ? changes : changes.slice(0, 8);
  return (
    <div className="import-changes">
      <h3>
        Converted <span className="count">{changes.length}</span>
      </h3>
      <ul>
        {listed.map((each, index) => (
          <li key={`${index}${each.pointer}`}>
            <div className="exchange">
              <Part value={each.from} className="before" label="before" />
              <ArrowRight className="icon text-faint" aria-label="becomes" />
              <Part value={each.to} className="after" label="after" />
            </div>
            <p className="text-muted text-xs wrap-anywhere">
              <Marked text={each.message} /> <code className="text-faint">{each.pointer || "/"}</code>
            </p>
          </li>
        ))}
      </ul>
      {changes.length > listed.length && (
        <button type="button" className="text-link text-xs justify-self-start" onClick={() => setAll(true)}>
          All {changes.length}
        </button>
      )}
    </div>
  );
}

function Part({ value, className, label }: { value: Json; className: string; label: string }) {
  if (value === null) return <span className="text-faint text-xs">not given</span>;
  return (
    <code className={className} aria-label={label}>
      {shown(value)}
    </code>
  );
}

/** A sentence in which `…` marks what is written in a document. */
function Marked({ text }: { text: string }) {
  return text
    .split("`")
    .map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : <span key={index}>{part}</span>));
}
