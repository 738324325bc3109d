/** Waiting times between attempts: doubling from half a second to half a minute, with jitter so that clients spread. */
export const FIRST_DELAY_MS = 500;
export const LONGEST_DELAY_MS = 30_000;

/** Milliseconds before attempt number `attempt` (1 is the first repetition). `random` in [0, 1). */
export function delayBefore(attempt: number, random: number = Math.random()): number {
  const whole = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.max(0, attempt - 1));
  return Math.round(whole / 2 + (whole / 2) * random);
}
