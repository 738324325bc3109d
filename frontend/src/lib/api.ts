/** Calls to `/api/v1` with the page's session; problems (RFC 9457) become `ApiProblem`. */
import type { Violation } from "./documents";

export class ApiProblem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly violations: Violation[] = [],
    readonly code = "",
  ) {
    super(detail || title);
    this.name = "ApiProblem";
  }
}

const KEEPALIVE_MAX = 60_000;

/** The token stands in the page's head, so that it is there even before the cookie was ever set. */
function csrfToken(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
}

async function call<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  let response: Response;
  try {
    response = await fetch(`/api/v1/${path}`, {
      method,
      credentials: "same-origin",
      headers: {
        Accept: "application/json",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(method === "GET" ? {} : { "X-CSRFToken": csrfToken() }),
        ...headers,
      },
      body: payload,
      // A draft that is saved while the page is being left must still arrive; browsers allow that up to 64 KiB.
      keepalive: method === "PUT" && (payload?.length ?? 0) < KEEPALIVE_MAX,
    });
  } catch {
    throw new ApiProblem(0, "No connection", "The server cannot be reached. Check the connection and try again.");
  }
  const text = await response.text();
  const answer = text ? parse(text) : null;
  if (response.ok) return answer as T;
  throw problem(response, answer);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function problem(response: Response, answer: unknown): ApiProblem {
  const given = (answer ?? {}) as Partial<{
    title: string;
    detail: string;
    violations: Violation[];
    code: string;
    type: string;
  }>;
  const title = given.title ?? (response.statusText || `Error ${response.status}`);
  const detail =
    given.detail ??
    (response.status === 401 ? "You are signed out. Reload the page to sign in again." : "The server refused this.");
  return new ApiProblem(response.status, title, detail, given.violations ?? [], given.code ?? given.type ?? "");
}

export const api = {
  get: <T>(path: string) => call<T>("GET", path),
  post: <T>(path: string, body: unknown = {}, headers?: Record<string, string>) => call<T>("POST", path, body, headers),
  put: <T>(path: string, body: unknown, headers?: Record<string, string>) => call<T>("PUT", path, body, headers),
  delete: (path: string) => call<null>("DELETE", path),
};

/** A key for one intended effect: the same key on a repeated request has no second effect. */
export function idempotencyKey(): string {
  return crypto.randomUUID();
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
