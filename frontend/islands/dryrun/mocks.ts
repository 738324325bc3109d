/** What the outside world is said to answer to a step. */
import type { MockSuggestion } from "@/lib/documents";

export type Mode = "answers" | "fails" | "silent";

export interface Mock {
  about: MockSuggestion;
  mode: Mode;
  response: unknown;
  action: string;
  errorType: string;
  errorCode: string;
  errorMessage: string;
  /** ISO 8601, or empty. */
  delay: string;
  /** How often it answers so; empty: always. */
  times: string;
  broken: boolean;
}

export function mockOf(about: MockSuggestion): Mock {
  return {
    about,
    mode: "answers",
    response: about.response,
    action: about.action ?? "",
    errorType: "PERMANENT",
    errorCode: "FAILED",
    errorMessage: "",
    delay: "",
    times: "",
    broken: false,
  };
}

/** As the API takes it; nothing for a step that gets no answer. */
export function toRequest(mock: Mock): object[] {
  if (mock.mode === "silent") return [];
  const times = Number.parseInt(mock.times, 10);
  const common = {
    stepId: mock.about.stepId,
    ...(mock.delay.trim() ? { delay: mock.delay.trim() } : {}),
    ...(times > 0 ? { times } : {}),
  };
  if (mock.mode === "answers") {
    return [{ ...common, response: mock.response, ...(mock.action ? { action: mock.action } : {}) }];
  }
  const message = mock.errorMessage.trim();
  const error = { type: mock.errorType, code: mock.errorCode.trim() || "FAILED", ...(message ? { message } : {}) };
  // What fails a few times only is answered well afterwards.
  const then = times > 0 ? [{ stepId: mock.about.stepId, response: mock.response }] : [];
  return [{ ...common, error }, ...then];
}
