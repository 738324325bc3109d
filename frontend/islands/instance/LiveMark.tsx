import type { FeedState } from "@/lib/live";

const WORDS: Record<FeedState, string> = {
  connecting: "Connecting…",
  live: "Live",
  lost: "Connection lost, trying again…",
  refused: "Not live: sign in again",
};

/** Whether what one sees is kept current. */
export function LiveMark({ feed, finished }: { feed: FeedState; finished: boolean }) {
  if (finished) return null;
  return (
    <span className="inline-flex items-center gap-1.5" data-feed={feed} role="status">
      <span
        className="dot"
        data-status={feed === "live" ? "COMPLETED" : feed === "connecting" ? "PENDING" : "FAILED"}
        aria-hidden
      />
      {WORDS[feed]}
    </span>
  );
}
