import type { Workflow } from "@/behaviours/selection";
import { useEffect, useRef, useState } from "react";
import { ReasonDialog } from "@/components/ui/ReasonDialog";
import { idempotencyKey, messageOf } from "@/lib/api";
import { type BulkOperation, type BulkPreview, bulk, type Target } from "@/lib/bulk";
import type { Fields, Verb } from "@/lib/steering";
import { MigrateFields } from "./MigrateFields";

const WORDS: Record<string, { title: string; confirm: string; reason: "required" | "optional"; danger?: boolean }> = {
  cancel: { title: "Cancel these runs", confirm: "Cancel runs", reason: "required", danger: true },
  suspend: { title: "Suspend these runs", confirm: "Suspend runs", reason: "required" },
  resume: { title: "Resume these runs", confirm: "Resume runs", reason: "optional" },
  migrate: { title: "Migrate these runs", confirm: "Migrate runs", reason: "required" },
  retry: { title: "Retry these runs", confirm: "Retry runs", reason: "optional" },
};

interface BulkDialogProps {
  verb: Verb;
  target: Target;
  workflow: Workflow | null;
  onBegun: (operation: BulkOperation) => void;
  onClose: () => void;
}

/** Says how many it concerns and how many of them it cannot be done to, before anything happens. */
export function BulkDialog({ verb, target, workflow, onBegun, onClose }: BulkDialogProps) {
  const words = WORDS[verb] as (typeof WORDS)[string];
  const [undo, setUndo] = useState(false);
  const [latest, setLatest] = useState(false);
  const [answer, setAnswer] = useState<BulkPreview | null>(null);
  const [failure, setFailure] = useState("");
  const key = useRef(idempotencyKey());
  const [migration, setMigration] = useState<Fields | null>(null);
  const fields: Fields | null = verb === "migrate" ? migration : verb === "cancel" ? { shouldCompensate: undo } : verb === "retry" && latest ? { version: "latest" } : {}; // prettier-ignore
  const wanted = JSON.stringify(fields);

  useEffect(() => {
    let current = true;
    setAnswer(null);
    setFailure("");
    const asked = JSON.parse(wanted) as Fields | null;
    if (!asked) return;
    bulk.preview(verb, target, asked).then(
      (found) => current && setAnswer(found),
      (error) => current && setFailure(messageOf(error)),
    );
    return () => {
      current = false;
    };
  }, [verb, target, wanted]);

  const confirm = async (reason: string) => {
    try {
      onBegun(await bulk.begin(verb, target, fields ?? {}, reason, key.current));
    } catch (error) {
      key.current = idempotencyKey();
      throw error;
    }
  };

  return (
    <ReasonDialog
      title={words.title}
      confirmLabel={answer?.allowed ? `${words.confirm} (${answer.allowed.toLocaleString()})` : words.confirm}
      danger={words.danger}
      reason={words.reason}
      wide
      blocked={!answer || answer.allowed === 0}
      report={<Report answer={answer} failure={failure} />}
      onConfirm={confirm}
      onClose={onClose}
    >
      {verb === "cancel" && (
        <Check label="Undo what was completed, where a run knows how" checked={undo} onChange={setUndo} />
      )}
      {verb === "migrate" && workflow && <MigrateFields workflow={workflow} onFields={setMigration} />}
      {verb === "retry" && <Check label="Go on with the latest version" checked={latest} onChange={setLatest} />}
    </ReasonDialog>
  );
}

function Report({ answer, failure }: { answer: BulkPreview | null; failure: string }) {
  if (failure) {
    return (
      <div className="notice notice-error" role="alert">
        {failure}
      </div>
    );
  }
  if (!answer) {
    return (
      <p className="text-muted flex items-center gap-2" aria-busy="true">
        <span className="loading loading-spinner loading-xs" aria-hidden /> Counting …
      </p>
    );
  }
  return (
    <section className="consequence-box" aria-label="What will happen" aria-live="polite">
      <p className="font-medium">{answer.sentence}</p>
      {answer.refused.length > 0 && (
        <ul className="consequences">
          {answer.refused.map((each) => (
            <li key={each.status}>{each.sentence}</li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Check({ label, checked, onChange }: { label: string; checked: boolean; onChange: (on: boolean) => void }) {
  return (
    <label className="choice">
      <input
        type="checkbox"
        className="checkbox checkbox-sm checkbox-primary"
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
      />
      <span>{label}</span>
    </label>
  );
}
