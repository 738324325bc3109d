import { humanise } from "@/lib/steps";

/** The one way a status is written: coloured by `data-status`, worded for people. */
export function Status({ value }: { value: string }) {
  return (
    <span className="state" data-status={value}>
      {statusWord(value)}
    </span>
  );
}

export function statusWord(value: string): string {
  return humanise(value.toLowerCase());
}
