/** Chooses a stored secret, or stores a new one in place. A value that was made here is shown this once. */
import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { api, messageOf } from "@/lib/api";
import type { Violation } from "@/lib/documents";
import { Field } from "../schedule/fields";

export interface Secrets {
  names: string[];
  mayUse: boolean;
  mayManage: boolean;
}

interface SecretFieldProps {
  label: string;
  hint?: string;
  optional?: boolean;
  value: string | undefined;
  secrets: Secrets;
  problem?: Violation;
  /** Where a new one may be sent; none: it only signs. */
  hosts?: string[];
  suggested: string;
  onChange: (name: string | undefined) => void;
}

const NEW = " new";

export function SecretField(props: SecretFieldProps) {
  const { label, hint, optional, value, secrets, problem, onChange } = props;
  const [making, setMaking] = useState(false);
  const [stored, setStored] = useState<string[]>([]);
  const names = [...new Set([...secrets.names, ...stored, ...(value ? [value] : [])])].sort();

  return (
    <div className="grid gap-2">
      <Field label={label} optional={optional} hint={hint} problem={problem}>
        <select
          className="select w-full"
          value={making ? NEW : (value ?? "")}
          disabled={!secrets.mayUse}
          onChange={(event) => {
            setMaking(event.target.value === NEW);
            if (event.target.value !== NEW) onChange(event.target.value || undefined);
          }}
        >
          <option value="">{optional ? "None" : "Choose a secret"}</option>
          {names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
          {secrets.mayManage && <option value={NEW}>New secret …</option>}
        </select>
      </Field>
      {!secrets.mayUse && <p className="field-hint">Naming a secret needs the permission use:secret.</p>}
      {making && (
        <NewSecret
          suggested={freeName(props.suggested, names)}
          hosts={props.hosts}
          onStored={(name, shown) => {
            setStored((now) => [...now, name]);
            onChange(name);
            if (!shown) setMaking(false);
          }}
          onDone={() => setMaking(false)}
        />
      )}
    </div>
  );
}

function NewSecret(props: {
  suggested: string;
  hosts?: string[];
  onStored: (name: string, shown: boolean) => void;
  onDone: () => void;
}) {
  const [name, setName] = useState(props.suggested);
  const [own, setOwn] = useState(false);
  const [value, setValue] = useState("");
  const [made, setMade] = useState("");
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const [copied, setCopied] = useState(false);

  const store = async () => {
    setBusy(true);
    setFailure("");
    try {
      const body = { ...(own ? { value } : { generate: true }), ...(props.hosts ? { hosts: props.hosts } : {}) };
      const done = await api.put<{ value?: string }>(`secrets/${encodeURIComponent(name)}`, body);
      setValue("");
      setMade(done.value ?? "");
      props.onStored(name, Boolean(done.value));
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  };

  if (made) {
    return (
      <div className="notice notice-warning" role="status">
        <div className="grid gap-2 min-w-0 flex-1">
          <p className="font-medium">This value is shown only now. Give it to the other side.</p>
          <div className="copy-line">
            <code>{made}</code>
            <button
              type="button"
              className="btn btn-quiet btn-xs"
              onClick={() => void navigator.clipboard?.writeText(made).then(() => setCopied(true))}
            >
              {copied ? <Check className="icon" aria-hidden /> : <Copy className="icon" aria-hidden />}{" "}
              {copied ? "Copied" : "Copy"}
            </button>
          </div>
          <button type="button" className="btn btn-quiet btn-xs w-fit" onClick={props.onDone}>
            I have it
          </button>
        </div>
      </div>
    );
  }

  return (
    <fieldset className="grid gap-3 border border-line rounded-lg p-3">
      <legend className="sr-only">New secret</legend>
      <Field label="Name of the secret">
        <input
          className="text-field mono"
          value={name}
          maxLength={255}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => setName(event.target.value)}
        />
      </Field>
      <div className="theme-switch w-fit" role="group" aria-label="Where its value comes from">
        <button type="button" className="px-2! w-auto! text-xs" aria-pressed={!own} onClick={() => setOwn(false)}>
          Make one
        </button>
        <button type="button" className="px-2! w-auto! text-xs" aria-pressed={own} onClick={() => setOwn(true)}>
          Paste theirs
        </button>
      </div>
      {own && (
        <Field label="Value" hint="It is stored sealed and never shown again.">
          <input
            type="password"
            className="text-field mono"
            value={value}
            autoComplete="new-password"
            onChange={(event) => setValue(event.target.value)}
          />
        </Field>
      )}
      {failure && (
        <p className="field-error" role="alert">
          {failure}
        </p>
      )}
      <button
        type="button"
        className="btn btn-quiet btn-sm w-fit"
        disabled={busy || !name || (own && !value)}
        onClick={() => void store()}
      >
        {busy && <span className="loading loading-spinner loading-xs" aria-hidden />}
        Store secret
      </button>
    </fieldset>
  );
}

/** A name that no secret has: storing must not replace another's value. */
export function freeName(suggested: string, names: string[]): string {
  const base =
    suggested
      .toLowerCase()
      .replace(/[^a-z0-9_-]+/g, "-")
      .replace(/^[^a-z]+|-+$/g, "") || "secret";
  if (!names.includes(base)) return base;
  let count = 2;
  while (names.includes(`${base}-${count}`)) count += 1;
  return `${base}-${count}`;
}
