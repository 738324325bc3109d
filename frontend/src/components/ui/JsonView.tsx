/** JSON as a tree that folds. Text is text: markup in values stays visible as it is, and only harmless links are links. */
import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { safeLink } from "@/lib/links";

const OPEN_DEPTH = 3;
const MAX_CHILDREN = 200;
/** A list or object with more in it than this is closed at first, but for the outermost. */
const LONG = 20;
const LONG_TEXT = 600;

export function JsonView({ value, label = "JSON" }: { value: unknown; label?: string }) {
  return (
    <div className="relative">
      <CopyButton text={() => JSON.stringify(value, null, 2)} label={`Copy ${label}`} />
      <div className="json pr-8" role="group" aria-label={label}>
        <Node value={value} depth={0} />
      </div>
    </div>
  );
}

function Node({ name, value, depth }: { name?: string; value: unknown; depth: number }) {
  const key = name === undefined ? null : <span className="key">{name}: </span>;
  if (typeof value !== "object" || value === null) {
    return (
      <div className={depth ? "leaf" : ""}>
        {key}
        <Scalar value={value} />
      </div>
    );
  }
  const list = Array.isArray(value);
  const entries = Object.entries(value);
  if (entries.length === 0) {
    return (
      <div className={depth ? "leaf" : ""}>
        {key}
        <span className="faint">{list ? "[ ]" : "{ }"}</span>
      </div>
    );
  }
  const count = `${entries.length} ${list ? (entries.length === 1 ? "entry" : "entries") : entries.length === 1 ? "field" : "fields"}`;
  return (
    <details open={depth < OPEN_DEPTH && (depth === 0 || entries.length <= LONG)}>
      <summary>
        {key}
        <span className="faint">{list ? `[${count}]` : `{${count}}`}</span>
      </summary>
      <div className="nest">
        {entries.slice(0, MAX_CHILDREN).map(([childName, child]) => (
          <Node key={childName} name={childName} value={child} depth={depth + 1} />
        ))}
        {entries.length > MAX_CHILDREN && <div className="leaf faint">… {entries.length - MAX_CHILDREN} more</div>}
      </div>
    </details>
  );
}

function Scalar({ value }: { value: unknown }) {
  const [whole, setWhole] = useState(false);
  if (typeof value === "number") return <span className="number">{String(value)}</span>;
  if (typeof value !== "string") return <span className="literal">{String(value ?? null)}</span>;
  const link = safeLink(value);
  if (link) {
    return (
      <a className="string underline" href={link} target="_blank" rel="noreferrer noopener">
        {value}
      </a>
    );
  }
  const cut = !whole && value.length > LONG_TEXT;
  return (
    <span className="string">
      "{cut ? value.slice(0, LONG_TEXT) : value}"
      {cut && (
        <button type="button" className="text-link ml-1" onClick={() => setWhole(true)}>
          … all {value.length.toLocaleString()} characters
        </button>
      )}
    </span>
  );
}

export function CopyButton({ text, label }: { text: () => string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text());
    setCopied(true);
    setTimeout(() => setCopied(false), 1400);
  };
  return (
    <button type="button" className="copy-button" aria-label={label} title={copied ? "Copied" : label} onClick={copy}>
      {copied ? <Check className="icon" aria-hidden /> : <Copy className="icon" aria-hidden />}
    </button>
  );
}
