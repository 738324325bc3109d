/** Which palette entries fit what was typed, best first. */
export interface Entry {
  label: string;
  hint: string;
  href: string;
  keywords?: string;
}

/** All entries, in their order, when nothing was typed. */
export function rank<T extends Entry>(entries: T[], typed: string): T[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return entries;
  return entries
    .map((entry, index) => ({ entry, index, score: score(entry, words) }))
    .filter((each) => each.score > 0)
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .map((each) => each.entry);
}

/** 0 when a word fits nowhere; beginnings of the label count most. */
function score(entry: Entry, words: string[]): number {
  const label = entry.label.toLowerCase();
  const rest = `${entry.hint} ${entry.keywords ?? ""}`.toLowerCase();
  let total = 0;
  for (const word of words) {
    if (label.startsWith(word)) total += 8;
    else if (label.split(/[^\p{L}\p{N}]+/u).some((part) => part.startsWith(word))) total += 5;
    else if (label.includes(word)) total += 3;
    else if (rest.includes(word)) total += 1;
    else return 0;
  }
  return total;
}
