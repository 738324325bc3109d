/** A document as a folding tree. */
import { JsonView } from "@/components/ui/JsonView";

export default function JsonIsland({ value, label }: { value: unknown; label: string }) {
  return <JsonView value={value} label={label} />;
}
