/** Asks before something with consequences happens: says what will follow, and for whom, and wants a reason. */
import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { messageOf } from "@/lib/api";

export interface ReasonDialogProps {
  title: string;
  /** What will happen, in sentences. */
  consequences?: string[];
  confirmLabel: string;
  danger?: boolean;
  /** `none` asks nothing, only for a second thought. */
  reason?: "required" | "optional" | "none";
  dismissLabel?: string;
  /** Shown instead of `consequences`, where they are found out while one fills in. */
  report?: ReactNode;
  /** What would happen is not known yet, or is refused. */
  blocked?: boolean;
  wide?: boolean;
  children?: ReactNode;
  onConfirm: (reason: string) => Promise<void>;
  onClose: () => void;
}

export function ReasonDialog(props: ReasonDialogProps) {
  const {
    title,
    consequences = [],
    confirmLabel,
    danger,
    reason: asks = "required",
    children,
    onConfirm,
    onClose,
  } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState("");
  const [missing, setMissing] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState("");
  const id = useId();

  useEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal?.();
  }, []);

  const confirm = async (event: FormEvent) => {
    event.preventDefault();
    if (asks === "required" && !reason.trim()) {
      setMissing(true);
      return;
    }
    setBusy(true);
    setFailure("");
    try {
      await onConfirm(reason.trim());
      onClose();
    } catch (error) {
      setFailure(messageOf(error));
      setBusy(false);
    }
  };

  return (
    <dialog
      ref={dialog}
      className={props.wide ? "popup popup-wide" : "popup"}
      aria-labelledby={`${id}-title`}
      onClose={onClose}
    >
      <form className="grid gap-4 p-5" onSubmit={confirm}>
        <h2 className="text-base" id={`${id}-title`}>
          {title}
        </h2>
        {props.report === undefined && (
          <ul className="consequences">
            {consequences.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        )}
        {children}
        {props.report}
        {asks !== "none" && (
          <div className="grid gap-1">
            <label className="field-label" htmlFor={`${id}-reason`}>
              Reason {asks === "optional" && <span className="optional">optional</span>}
            </label>
            <textarea
              id={`${id}-reason`}
              className="text-field"
              rows={3}
              maxLength={1000}
              value={reason}
              autoFocus={!children}
              aria-invalid={missing || undefined}
              placeholder="Kept in the history, for whoever asks later"
              onChange={(event) => {
                setReason(event.target.value);
                setMissing(false);
              }}
            />
            {missing && (
              <p className="field-error" role="alert">
                Please give a reason.
              </p>
            )}
          </div>
        )}
        {failure && (
          <div className="notice notice-error" role="alert">
            {failure}
          </div>
        )}
        <div className="flex justify-end gap-2">
          <button
            type="button"
            className="btn btn-sm btn-quiet"
            onClick={() => dialog.current?.close()}
            disabled={busy}
          >
            {props.dismissLabel ?? "Keep as it is"}
          </button>
          <button
            type="submit"
            className={`btn btn-sm ${danger ? "btn-error" : "btn-primary"}`}
            disabled={busy || props.blocked}
          >
            {busy && <span className="loading loading-spinner loading-xs" aria-hidden />}
            {confirmLabel}
          </button>
        </div>
      </form>
    </dialog>
  );
}
