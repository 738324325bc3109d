import {
  Braces, CircleHelp, Clock, Flag, GitFork, type LucideIcon, Megaphone, Radio, Repeat, Split, UserRound, Workflow, Zap,
} from "lucide-react"; // prettier-ignore
import { stepKind } from "@/lib/steps";

const ICONS: Record<string, LucideIcon> = {
  braces: Braces, "circle-help": CircleHelp, clock: Clock, flag: Flag, "git-fork": GitFork, megaphone: Megaphone,
  radio: Radio, repeat: Repeat, split: Split, "user-round": UserRound, workflow: Workflow, zap: Zap,
}; // prettier-ignore

export function StepIcon({ type, className = "icon" }: { type: string; className?: string }) {
  const Icon = ICONS[stepKind(type).icon] ?? CircleHelp;
  return <Icon className={className} aria-hidden />;
}
