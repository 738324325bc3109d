/** Definitions from elsewhere: converted and checked by the API, settled here, saved all or not at all. */
import { FileInput, Rocket, Save } from "lucide-react";
import { useState } from "react";
import { ReasonDialog } from "@/components/ui/ReasonDialog";
import { ApiProblem, api, messageOf } from "@/lib/api";
import type { Json, Violation } from "@/lib/documents";
import { EntryCard } from "./EntryCard";
import { asFile, type Converted, type Entry, merged, type PatchStep, patched, standing } from "./importing";
import { Source } from "./Source";

export interface ImportProps {
  example: Json;
  /** Bytes that one request may have. */
  limit: number;
}

interface Saved {
  kind: string;
  id: string;
  version: string;
  done: string;
}

const DONE: Record<string, string> = {
  published: "published",
  created: "saved as a draft",
  changed: "draft changed",
  unchanged: "already here, unchanged",
};

export default function ImportIsland({ example, limit }: ImportProps) {
  const [entries, setEntries] = useState<Entry[]>([]);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<{ message: string; violations: Violation[] } | null>(null);
  const [saved, setSaved] = useState<Saved[]>([]);
  const [asking, setAsking] = useState(false);
  const chosen = entries.filter((entry) => entry.included && entry.kept && entry.document !== null);
  const open = entries.filter((entry) => ["open", "unreadable"].includes(standing(entry))).length;
  const publishable = chosen.length > 0 && chosen.every((entry) => entry.valid);

  const during = async (work: () => Promise<void>) => {
    setBusy(true);
    setFailure(null);
    try {
      await work();
    } catch (error) {
      setFailure({ message: messageOf(error), violations: error instanceof ApiProblem ? error.violations : [] });
    }
    setBusy(false);
  };

  /** Converts all of them together, so that each sees what comes along. */
  const convert = async (next: Entry[]) => {
    if (next.length === 0) {
      setEntries([]);
      return;
    }
    const answer = await api.post<{ results: Converted[] }>("bundles/convert", { files: next.map(asFile) });
    // A text that held several documents comes back as several.
    setEntries(answer.results.length === next.length ? merged(next, answer.results) : merged([], answer.results));
  };

  const addTexts = (texts: { name: string; text: string }[]) =>
    during(async () => {
      setSaved([]);
      const answers = await Promise.all(
        texts.map(async (each) => {
          const found = await api.post<{ results: Converted[] }>("bundles/convert", { files: [each] });
          return merged([], found.results).map((entry) => ({
            ...entry,
            text: entry.document === null ? each.text : null,
          }));
        }),
      );
      const all = [...entries, ...answers.flat()];
      if (all.length > 1) await convert(all);
      else setEntries(all);
    });

  const addFiles = (files: File[]) =>
    during(async () => {
      setSaved([]);
      const large = files.find((file) => file.size > limit);
      if (large) throw new Error(`${large.name} is too large; a file may have ${Math.floor(limit / 1024)} KB.`);
      const added: Entry[] = [];
      for (const file of files) {
        const zip = file.name.toLowerCase().endsWith(".zip");
        const text = zip ? "" : await file.text();
        const found = zip
          ? await api.postFile<{ results: Converted[] }>("bundles/convert", file, "application/zip")
          : await api.post<{ results: Converted[] }>("bundles/convert", { files: [{ name: file.name, text }] });
        added.push(
          ...merged([], found.results).map((entry) => ({ ...entry, text: entry.document === null ? text : null })),
        );
      }
      const all = [...entries, ...added];
      if (all.length > 1) await convert(all);
      else setEntries(all);
    });

  const replaceEntry = (key: string, with_: Partial<Entry>) =>
    during(() => convert(entries.map((entry) => (entry.key === key ? { ...entry, ...with_ } : entry))));

  const save = async (publish: boolean) => {
    const documents = chosen.map((entry) => entry.document);
    const answer = await api.post<{ items: Saved[] }>(`bundles?publish=${publish}`, documents);
    const keys = new Set(chosen.map((entry) => entry.key));
    setSaved(answer.items);
    setEntries(entries.filter((entry) => !keys.has(entry.key)));
  };

  return (
    <div className="grid gap-4">
      <Source
        busy={busy}
        compact={entries.length > 0}
        onFiles={addFiles}
        onText={(text) => addTexts([{ name: nameFor(entries), text }])}
        onExample={() => addTexts([{ name: "example.json", text: JSON.stringify(example) }])}
      />
      {failure && (
        <div className="notice notice-error" role="alert">
          <div>
            <p className="font-medium">{failure.message}</p>
            {failure.violations.slice(0, 20).map((each) => (
              <p key={each.pointer + each.code + each.message} className="wrap-anywhere">
                {each.message} {each.pointer && <code>{each.pointer}</code>}
              </p>
            ))}
          </div>
        </div>
      )}
      {saved.length > 0 && (
        <div className="notice notice-success" role="status">
          <div>
            {saved.map((each) => (
              <p key={each.kind + each.id + each.version}>
                {each.kind === "workflow" ? (
                  <a
                    className="text-link"
                    href={`/workflows/${encodeURIComponent(each.id)}?version=${encodeURIComponent(each.version)}`}
                  >
                    {each.id}
                  </a>
                ) : (
                  <span className="font-medium">{each.id}</span>
                )}{" "}
                <span className="text-muted">
                  {each.kind} {each.version}, {DONE[each.done] ?? each.done}
                </span>
              </p>
            ))}
          </div>
        </div>
      )}
      {entries.length > 0 ? (
        <>
          <div className="import-bar">
            <p aria-live="polite">
              <span className="font-medium">{count(entries.length, "document")}</span>
              <span className="text-muted">
                {" "}
                ·{" "}
                {count(
                  entries.reduce((sum, each) => sum + each.changes.length, 0),
                  "change",
                )}
                {open > 0 ? ` · ${open} to settle` : ""}
              </span>
            </p>
            <div className="flex flex-wrap gap-2 ml-auto">
              <button type="button" className="btn btn-ghost btn-sm" disabled={busy} onClick={() => setEntries([])}>
                Clear
              </button>
              <button
                type="button"
                className="btn btn-quiet btn-sm"
                disabled={busy || chosen.length === 0}
                onClick={() => during(() => save(false))}
              >
                <Save className="icon" aria-hidden /> Save as drafts
              </button>
              <button
                type="button"
                className="btn btn-primary btn-sm"
                disabled={busy || !publishable}
                onClick={() => setAsking(true)}
              >
                <Rocket className="icon" aria-hidden /> Save and publish
              </button>
            </div>
          </div>
          {entries.map((entry) => (
            <EntryCard
              key={entry.key}
              entry={entry}
              busy={busy}
              onInclude={(included) =>
                setEntries(entries.map((each) => (each.key === entry.key ? { ...each, included } : each)))
              }
              onRemove={() => during(() => convert(entries.filter((each) => each.key !== entry.key)))}
              onFix={(steps: PatchStep[]) =>
                replaceEntry(entry.key, { document: patched(entry.document, steps), text: null })
              }
              onEdit={(text) => replaceEntry(entry.key, { text })}
            />
          ))}
        </>
      ) : (
        saved.length === 0 && (
          <section className="panel" aria-label="Nothing yet">
            <div className="empty">
              <span className="emblem">
                <FileInput className="icon-lg" aria-hidden />
              </span>
              <h2>Bring definitions from elsewhere</h2>
              <p>
                Other names for fields, JavaScript in conditions, ids that do not fit: what is certain is converted and
                listed, what is not is asked. You see all of it before anything is saved.
              </p>
            </div>
          </section>
        )
      )}
      {asking && (
        <ReasonDialog
          title={`Publish ${count(chosen.length, "definition")}?`}
          consequences={[
            "All of them are saved and published, or none.",
            "A published version can no longer be changed.",
            "New runs use it from then on; runs under way stay on the version they began with.",
          ]}
          confirmLabel="Save and publish"
          reason="none"
          dismissLabel="Not yet"
          onConfirm={() => save(true)}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

function nameFor(entries: Entry[]): string {
  const taken = new Set(entries.map((entry) => entry.source));
  let number = 1;
  while (taken.has(`pasted ${number}`)) number += 1;
  return `pasted ${number}`;
}
