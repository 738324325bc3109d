import { useEffect, useRef, useState } from "react";
import { messageOf } from "./api";
import { type Fields, type Preview, preview, type Verb } from "./steering";

const SETTLE_MS = 200;

export interface PreviewState {
  /** The answer to the fields as they are now; the one before while the next is on its way. */
  answer: Preview | null;
  asking: boolean;
  failure: string;
}

/** What a verb with these fields would do, asked anew when they have settled. `fields` null: not yet complete. */
export function usePreview(id: string, verb: Verb, fields: Fields | null): PreviewState {
  const [state, setState] = useState<PreviewState>({ answer: null, asking: true, failure: "" });
  const first = useRef(true);
  const wanted = fields === null ? null : JSON.stringify(fields);
  useEffect(() => {
    if (wanted === null) {
      setState({ answer: null, asking: false, failure: "" });
      return;
    }
    let current = true;
    setState((before) => ({ ...before, asking: true, failure: "" }));
    const ask = () =>
      preview(id, verb, JSON.parse(wanted) as Fields).then(
        (answer) => current && setState({ answer, asking: false, failure: "" }),
        (error) => current && setState({ answer: null, asking: false, failure: messageOf(error) }),
      );
    const timer = setTimeout(() => void ask(), first.current ? 0 : SETTLE_MS);
    first.current = false;
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [id, verb, wanted]);
  return state;
}
