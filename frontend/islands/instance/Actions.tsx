/** What can be done to a run: the likeliest verb as a button, the others in a menu. */
import { Menu } from "@/components/ui/Menu";
import type { Instance } from "@/lib/documents";
import { stepsById } from "@/lib/graph";
import { positionsOf, possibleVerbs, stoppedAt, type Verb } from "@/lib/steering";
import type { Preset } from "./SteerDialog";
import { LOOKS } from "./verbs";

const LIKELIEST = new Set<Verb>(["retry", "resume"]);

export function Actions({ instance, onSteer }: { instance: Instance; onSteer: (verb: Verb) => void }) {
  const verbs = possibleVerbs(instance);
  const first = verbs.filter((verb) => LIKELIEST.has(verb));
  const rest = verbs.filter((verb) => !LIKELIEST.has(verb));
  return (
    <>
      {rest.length > 0 && (
        <Menu
          label="Steer"
          items={rest.map((verb) => ({ key: verb, ...LOOKS[verb], onChoose: () => onSteer(verb) }))}
        />
      )}
      {first.map((verb) => {
        const { label, icon: Icon } = LOOKS[verb];
        return (
          <button key={verb} type="button" className="btn btn-sm btn-primary" onClick={() => onSteer(verb)}>
            <Icon className="icon" aria-hidden /> {label}
          </button>
        );
      })}
    </>
  );
}

/** The verbs that concern one step, in its inspector. */
export function StepActions({
  instance,
  stepId,
  onSteer,
}: {
  instance: Instance;
  stepId: string;
  onSteer: (verb: Verb, preset: Preset) => void;
}) {
  const verbs = new Set(possibleVerbs(instance));
  const steps = stepsById(instance.document);
  const positions = positionsOf(instance, steps);
  const active = positions.includes(stepId);
  const stopped = stoppedAt(instance) === stepId;
  const offered: [Verb, string, Preset][] = [];
  if (verbs.has("retry") && instance.state.steps[stepId]) offered.push(["retry", "Retry from here", { stepId }]);
  if (verbs.has("skip") && (instance.status === "FAILED" ? stopped : active)) {
    offered.push(["skip", "Skip this step", { stepId }]);
  }
  if (verbs.has("move") && !active && positions.length > 0) offered.push(["move", "Move here", { to: stepId }]);
  if (verbs.has("move") && active) offered.push(["move", "Move from here", { stepId }]);
  if (offered.length === 0) return null;
  return (
    <div className="flex flex-wrap gap-2">
      {offered.map(([verb, label, preset]) => {
        const { icon: Icon } = LOOKS[verb];
        return (
          <button key={label} type="button" className="btn btn-sm btn-quiet" onClick={() => onSteer(verb, preset)}>
            <Icon className="icon" aria-hidden /> {label}
          </button>
        );
      })}
    </div>
  );
}
