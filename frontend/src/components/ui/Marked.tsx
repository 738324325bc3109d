/** A sentence of the platform; what stands in backticks is set as code. */
export function Marked({ text }: { text: string }) {
  const parts = text.split("`");
  if (parts.length % 2 === 0) return <>{text}</>; // a value has a backtick of its own
  // The parts of one sentence never change places.
  return <>{parts.map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part))}</>;
}
