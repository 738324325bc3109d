/** What the server says of a document while it is written. */
import { useEffect, useState } from "react";
import { api, messageOf } from "@/lib/api";
import type { Violation } from "@/lib/documents";

const PAUSE_MS = 300;

export interface Verdict {
  violations: Violation[];
  /** The answer is about the document as it is now. */
  settled: boolean;
  failure: string;
}

/** `text`: the document as JSON; null while it is none, and then nothing is asked. */
export function useVerdict(address: string, text: string | null): Verdict {
  const [verdict, setVerdict] = useState<Verdict>({ violations: [], settled: false, failure: "" });
  useEffect(() => {
    setVerdict((before) => ({ ...before, settled: false }));
    if (text === null) return;
    let current = true;
    const ask = () =>
      api.post<{ violations: Violation[] }>(`${address}/validate`, JSON.parse(text)).then(
        ({ violations }) => current && setVerdict({ violations, settled: true, failure: "" }),
        (error) => current && setVerdict({ violations: [], settled: false, failure: messageOf(error) }),
      );
    const timer = setTimeout(() => void ask(), PAUSE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [address, text]);
  return verdict;
}
