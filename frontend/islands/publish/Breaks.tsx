/** What publishing a version breaks elsewhere: asked when the question is put, shown beside what follows anyway. */
import { TriangleAlert } from "lucide-react";
import { useEffect, useState } from "react";
import { api, messageOf } from "@/lib/api";
import type { Violation } from "@/lib/documents";

export interface Broken {
  kind: string;
  id: string;
  version: string;
  /** The version of this one that it stays with until it is published again. */
  pinned: string | null;
  running: number;
  violations: Violation[];
}

export interface Impact {
  definitions: { kind: string; id: string }[];
  breaks: Broken[];
  unchecked: number;
  sentences: string[];
}

const SHOWN = 5;

/** `definition`: its address below /api/v1/. */
export function Breaks({ definition, version }: { definition: string; version: string }) {
  const [found, setFound] = useState<Impact | null>(null);
  const [failure, setFailure] = useState("");

  useEffect(() => {
    let left = false;
    const address = `${definition}/impact?version=${encodeURIComponent(version)}`;
    api
      .get<Impact>(address)
      .then((impact) => !left && setFound(impact))
      .catch((error) => !left && setFailure(messageOf(error)));
    return () => {
      left = true;
    };
  }, [definition, version]);

  return (
    <div aria-live="polite">{failure ? <Unknown reason={failure} /> : found ? <Found {...found} /> : <Looking />}</div>
  );
}

function Looking() {
  return <p className="text-sm text-faint">Looking at what uses it…</p>;
}

function Unknown({ reason }: { reason: string }) {
  return <p className="text-sm text-muted">What uses it could not be looked at. {reason}</p>;
}

function Found({ definitions, breaks, unchecked, sentences }: Impact) {
  const users = new Set(definitions.map((each) => `${each.kind} ${each.id}`)).size;
  const beyond = unchecked > 0 && (
    <p className="text-sm text-muted">{unchecked} more that name it were not looked at.</p>
  );
  if (breaks.length === 0) {
    const word = users === 1 ? "definition that uses it goes" : "definitions that use it go";
    return (
      <>
        <p className="text-sm text-muted">
          {users ? `The ${users} ${word} on working.` : "No other definition uses it."}
        </p>
        {beyond}
      </>
    );
  }
  return (
    <div className="notice notice-warning">
      <TriangleAlert className="icon" aria-hidden />
      <div className="grid gap-2">
        <p className="font-medium">{sentences[0]}</p>
        <ul className="grid gap-2 text-sm">
          {breaks.map((each) => (
            <Place key={`${each.kind} ${each.id} ${each.version}`} broken={each} />
          ))}
        </ul>
        {sentences.slice(1).map((sentence) => (
          <p key={sentence} className="text-sm text-muted">
            {sentence}
          </p>
        ))}
        {beyond}
      </div>
    </div>
  );
}

function Place({ broken }: { broken: Broken }) {
  const { kind, id, version, violations } = broken;
  const name = `${id} ${version}`;
  return (
    <li className="grid gap-1">
      {kind === "workflow" ? (
        <a className="mono wrap-anywhere underline" href={`/workflows/${encodeURIComponent(id)}?version=${version}`}>
          {name}
        </a>
      ) : (
        <span className="mono wrap-anywhere">{name}</span>
      )}
      <ul className="consequences">
        {violations.slice(0, SHOWN).map((each) => (
          <li key={`${each.code} ${each.pointer} ${each.message}`} className="wrap-anywhere">
            {each.message} <span className="mono text-xs text-faint">{each.pointer}</span>
          </li>
        ))}
        {violations.length > SHOWN && <li>{violations.length - SHOWN} more</li>}
      </ul>
    </li>
  );
}
