/**
 * A live feed of hints: the server says *that* something changed and with which sequence number, never what.
 *
 * `onHint` is called for each message and once after every (re)connection, with no number: what happened while the line
 * was down is unknown, so the listener asks the API. Reconnects for ever, with back-off, unless the server refuses;
 * at once when the browser comes back online or the tab becomes visible.
 */
import { delayBefore } from "./backoff";

/** `refused`: signed out, or no right to this feed; nothing is tried again. */
export type FeedState = "connecting" | "live" | "lost" | "refused";

export interface FeedOptions {
  onHint: (seq: number | null) => void;
  onState?: (state: FeedState) => void;
  /** Replaced in tests. */
  open?: (url: string) => WebSocket;
}

/** A connection that held this long was no accident: the next loss starts with the shortest wait again. */
const STEADY_AFTER_MS = 5_000;
const REFUSALS = new Set([4401, 4403]);

export class LiveFeed {
  private socket: WebSocket | null = null;
  private attempt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private steady: ReturnType<typeof setTimeout> | undefined;
  private closed = false;
  private readonly wake = () => {
    // A pending attempt is brought forward.
    if (!this.closed && this.socket === null && document.visibilityState === "visible") this.connect();
  };

  constructor(
    private readonly path: string,
    private readonly options: FeedOptions,
  ) {
    window.addEventListener("online", this.wake);
    document.addEventListener("visibilitychange", this.wake);
    this.connect();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    clearTimeout(this.steady);
    window.removeEventListener("online", this.wake);
    document.removeEventListener("visibilitychange", this.wake);
    this.socket?.close();
    this.socket = null;
  }

  private connect(): void {
    clearTimeout(this.timer);
    this.options.onState?.("connecting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = (this.options.open ?? ((url) => new WebSocket(url)))(`${scheme}//${location.host}${this.path}`);
    this.socket = socket;
    socket.onopen = () => {
      this.steady = setTimeout(() => (this.attempt = 0), STEADY_AFTER_MS);
      this.options.onState?.("live");
      this.options.onHint(null);
    };
    socket.onmessage = (message) => {
      const seq = sequenceOf(message.data);
      if (seq !== undefined) this.options.onHint(seq);
    };
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      clearTimeout(this.steady);
      if (this.closed) return;
      if (REFUSALS.has(event.code)) {
        this.close();
        this.options.onState?.("refused");
        return;
      }
      this.attempt += 1;
      this.options.onState?.("lost");
      this.timer = setTimeout(() => this.connect(), delayBefore(this.attempt));
    };
  }
}

/** The message's number; null for a message without one; undefined for something that is no message of ours. */
export function sequenceOf(data: unknown): number | null | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const message: unknown = JSON.parse(data);
    if (typeof message !== "object" || message === null) return undefined;
    const seq = (message as { seq?: unknown }).seq;
    return typeof seq === "number" ? seq : null;
  } catch {
    return undefined;
  }
}
