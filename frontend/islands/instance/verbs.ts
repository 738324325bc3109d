/** How the verbs of steering look and what they are called. */
import { CirclePause, CirclePlay, CircleX, GitBranch, type LucideIcon, MoveRight, Radio, RotateCcw, SkipForward } from "lucide-react"; // prettier-ignore
import type { Verb } from "@/lib/steering";

export interface Look {
  label: string;
  /** What it does, for the menu. */
  note: string;
  title: string;
  confirm: string;
  icon: LucideIcon;
  reason: "required" | "optional";
  danger?: boolean;
}

export const LOOKS: Record<Verb, Look> = {
  retry: { label: "Retry", note: "Go on from a step", title: "Retry this run", confirm: "Retry run", icon: RotateCcw, reason: "optional" },
  resume: { label: "Resume", note: "Go on where it rested", title: "Resume this run", confirm: "Resume run", icon: CirclePlay, reason: "optional" },
  signal: { label: "Signal", note: "Tell it of an event", title: "Tell this run of an event", confirm: "Send signal", icon: Radio, reason: "optional" },
  skip: { label: "Skip a step", note: "Go on as if it had ended", title: "Skip a step", confirm: "Skip step", icon: SkipForward, reason: "required" },
  move: { label: "Move", note: "Go on at another step", title: "Move this run to another step", confirm: "Move run", icon: MoveRight, reason: "required" },
  suspend: { label: "Suspend", note: "Let it rest", title: "Suspend this run", confirm: "Suspend run", icon: CirclePause, reason: "required" },
  migrate: { label: "Migrate", note: "Go on with another version", title: "Migrate this run", confirm: "Migrate run", icon: GitBranch, reason: "required" },
  cancel: { label: "Cancel", note: "End it", title: "Cancel this run", confirm: "Cancel run", icon: CircleX, reason: "required", danger: true },
}; // prettier-ignore
