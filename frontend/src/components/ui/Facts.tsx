/** Data for people who do not read JSON: names and values, what is nested below as a tree. */
import { humanise } from "@/lib/steps";
import { safeLink } from "@/lib/links";
import { JsonView } from "./JsonView";

export function Facts({ value }: { value: unknown }) {
  if (value === null || value === undefined) return <p className="text-muted">Nothing.</p>;
  if (typeof value !== "object" || Array.isArray(value)) return <JsonView value={value} />;
  const entries = Object.entries(value);
  if (entries.length === 0) return <p className="text-muted">Nothing.</p>;
  return (
    <dl className="facts">
      {entries.map(([name, each]) => (
        <div className="contents" key={name}>
          <dt>{humanise(name)}</dt>
          <dd>
            {typeof each === "object" && each !== null ? (
              <JsonView value={each} label={name} />
            ) : (
              <Plain value={each} />
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Plain({ value }: { value: unknown }) {
  if (value === null || value === undefined || value === "") return <span className="text-faint">—</span>;
  if (typeof value === "boolean") return <>{value ? "Yes" : "No"}</>;
  if (typeof value === "number") return <span className="num">{value.toLocaleString()}</span>;
  const text = String(value);
  const link = safeLink(text);
  if (!link) return <span className="whitespace-pre-wrap">{text}</span>;
  return (
    <a className="text-link" href={link} target="_blank" rel="noreferrer noopener">
      {text}
    </a>
  );
}
