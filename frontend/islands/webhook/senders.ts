/** Documents of webhooks, and what well-known senders want in them. */

export interface WebhookAuth {
  kind: "hmac" | "token" | "basic" | "none";
  secretName?: string;
  header?: string;
  algorithm?: string;
  signedContent?: string;
  timestampHeader?: string;
  idHeader?: string;
  username?: string;
}

export interface WebhookDocument {
  webhookId?: string;
  name?: string;
  description?: string;
  path?: string;
  auth: WebhookAuth;
  workflowId?: string;
  eventPattern?: string;
  eventIdFrom?: string | null;
  payloadMapping?: unknown;
  inputMapping?: unknown;
  headers?: string[];
  contentTypes?: string[];
  respond?: { status?: number; body?: unknown };
  enabled?: boolean;
  [other: string]: unknown;
}

export const KINDS: Record<WebhookAuth["kind"], string> = {
  hmac: "A signature",
  token: "A token",
  basic: "User and password",
  none: "Nothing",
};

export const CONTENTS: Record<string, string> = {
  body: "the body",
  "timestamp.body": "time.body",
  "id.timestamp.body": "id.time.body",
  "v0:timestamp:body": "v0:time:body",
};

export interface Sender {
  name: string;
  document: Partial<WebhookDocument> & { auth: WebhookAuth };
}

export const SENDERS: Sender[] = [
  {
    name: "Own system",
    document: { auth: { kind: "hmac", header: "X-Signature", timestampHeader: "X-Timestamp" } },
  },
  {
    name: "Standard Webhooks",
    document: {
      auth: {
        kind: "hmac",
        header: "webhook-signature",
        timestampHeader: "webhook-timestamp",
        signedContent: "id.timestamp.body",
      },
      headers: ["webhook-id"],
      eventIdFrom: "event.metadata.headers['webhook-id']",
    },
  },
  {
    name: "GitHub",
    document: {
      auth: { kind: "hmac", header: "X-Hub-Signature-256" },
      headers: ["X-GitHub-Event", "X-GitHub-Delivery"],
      eventPattern: "github.${event.metadata.headers['x-github-event']}",
      eventIdFrom: "event.metadata.headers['x-github-delivery']",
      contentTypes: ["application/json"],
    },
  },
  {
    name: "Stripe",
    document: {
      auth: { kind: "hmac", header: "Stripe-Signature", timestampHeader: "Stripe-Signature" },
      eventPattern: "stripe.${event.payload.type}",
      eventIdFrom: "event.payload.id",
      contentTypes: ["application/json"],
    },
  },
  {
    name: "Slack",
    document: {
      auth: {
        kind: "hmac",
        header: "X-Slack-Signature",
        timestampHeader: "X-Slack-Request-Timestamp",
        signedContent: "v0:timestamp:body",
      },
      respond: { status: 200 },
    },
  },
];

const SET_BY_SENDERS = ["headers", "eventPattern", "eventIdFrom", "contentTypes", "respond"] as const;

/** The document as a sender wants it; its secret stays, and so does what its author wrote of mapping and workflow. */
export function asSent(document: WebhookDocument, sender: Sender): WebhookDocument {
  const kept = Object.fromEntries(
    Object.entries(document).filter(([name]) => !(SET_BY_SENDERS as readonly string[]).includes(name)),
  ) as WebhookDocument;
  const secretName = document.auth.secretName;
  return { ...kept, ...sender.document, auth: { ...sender.document.auth, ...(secretName ? { secretName } : {}) } };
}

/** Whether a document is as the sender wants it. */
export function isSent(document: WebhookDocument, sender: Sender): boolean {
  const { secretName: _, ...auth } = document.auth;
  return (
    JSON.stringify(sorted(auth)) === JSON.stringify(sorted(sender.document.auth)) &&
    SET_BY_SENDERS.every((name) => JSON.stringify(document[name]) === JSON.stringify(sender.document[name]))
  );
}

function sorted(value: object): object {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a.localeCompare(b)));
}

/** Without what is empty: a field that is left blank is one that is not set. */
export function tidy<T extends object>(document: T): T {
  return Object.fromEntries(
    Object.entries(document).filter(([, each]) => each !== undefined && each !== null && each !== ""),
  ) as T;
}

/** `a, b` → ["a", "b"]; nothing for a blank. */
export function listed(text: string): string[] | undefined {
  const found = text
    .split(/[\s,]+/)
    .map((each) => each.trim())
    .filter(Boolean);
  return found.length > 0 ? [...new Set(found)] : undefined;
}
