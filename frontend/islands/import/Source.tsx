/** Where definitions come in: pasted as text, chosen, or dropped as files. */
import { FileJson, Sparkles, Upload } from "lucide-react";
import { type DragEvent, useRef, useState } from "react";

interface SourceProps {
  busy: boolean;
  compact: boolean;
  onFiles: (files: File[]) => void;
  onText: (text: string) => void;
  onExample: () => void;
}

export function Source({ busy, compact, onFiles, onText, onExample }: SourceProps) {
  const [text, setText] = useState("");
  const [over, setOver] = useState(false);
  const picker = useRef<HTMLInputElement>(null);

  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (event.dataTransfer.files.length > 0) onFiles([...event.dataTransfer.files]);
    else if (event.dataTransfer.getData("text")) onText(event.dataTransfer.getData("text"));
  };
  const convert = () => {
    onText(text);
    setText("");
  };

  return (
    <section
      className="panel import-source"
      data-over={over || undefined}
      aria-label="Definitions to import"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
      }}
      onDrop={drop}
    >
      <textarea
        className={`text-field mono text-xs ${compact ? "min-h-20!" : "min-h-52!"}`}
        spellCheck={false}
        aria-label="Definition as JSON"
        placeholder={'{"id": "order-intake", "steps": [ … ]}\n\nPaste JSON here, or drop files anywhere on this field.'}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.metaKey || event.ctrlKey) && text.trim()) convert();
        }}
      />
      <div className="flex flex-wrap items-center gap-2">
        <button type="button" className="btn btn-primary btn-sm" disabled={busy || !text.trim()} onClick={convert}>
          {busy ? (
            <span className="loading loading-spinner loading-xs" aria-hidden />
          ) : (
            <FileJson className="icon" aria-hidden />
          )}
          Convert
        </button>
        <button type="button" className="btn btn-quiet btn-sm" disabled={busy} onClick={() => picker.current?.click()}>
          <Upload className="icon" aria-hidden /> Choose files
        </button>
        <button type="button" className="btn btn-ghost btn-sm" disabled={busy} onClick={onExample}>
          <Sparkles className="icon" aria-hidden /> Try an example
        </button>
        <span className="text-faint text-xs ml-auto">.json or .zip; nothing is run, nothing is saved yet</span>
        <input
          ref={picker}
          type="file"
          className="sr-only"
          tabIndex={-1}
          accept=".json,.zip,application/json,application/zip"
          multiple
          aria-label="Files"
          onChange={(event) => {
            onFiles([...(event.target.files ?? [])]);
            event.target.value = "";
          }}
        />
      </div>
    </section>
  );
}
