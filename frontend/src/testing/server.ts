/** Stand-ins for the network in tests: an API that answers from a table, and sockets that the test speaks for. */
import { vi } from "vitest";

export interface Call {
  method: string;
  path: string;
  body: unknown;
  headers: Record<string, string>;
}

type Answer = unknown | ((call: Call) => unknown);

export class Refusal {
  constructor(
    readonly status: number,
    readonly problem: object,
  ) {}
}

/** Answers `METHOD path` (without `/api/v1/`); a path without its own entry is a failure of the test. */
export function fakeApi(routes: Record<string, Answer>): Call[] {
  const calls: Call[] = [];
  vi.stubGlobal("fetch", async (address: string, options: RequestInit = {}) => {
    const path = String(address).replace("/api/v1/", "");
    const method = options.method ?? "GET";
    const call = {
      method,
      path,
      body: options.body ? JSON.parse(String(options.body)) : undefined,
      headers: (options.headers ?? {}) as Record<string, string>,
    };
    calls.push(call);
    const key = `${method} ${path}`;
    const route = routes[key] ?? routes[`${method} ${path.split("?")[0]}`];
    if (route === undefined) throw new Error(`unexpected call: ${key}`);
    const answer = typeof route === "function" ? (route as (call: Call) => unknown)(call) : route;
    if (answer instanceof Refusal) {
      return new Response(JSON.stringify(answer.problem), { status: answer.status });
    }
    return new Response(JSON.stringify(answer), { status: 200 });
  });
  return calls;
}

export class FakeSocket {
  static all: FakeSocket[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  closed = false;

  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }

  close(): void {
    this.closed = true;
    this.onclose?.({ code: 1000 });
  }

  open(): void {
    this.onopen?.();
  }

  say(message: unknown): void {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }

  drop(code = 1006): void {
    this.onclose?.({ code });
  }
}

export function fakeSockets(): typeof FakeSocket.all {
  FakeSocket.all = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  return FakeSocket.all;
}
