import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fakeApi, Refusal } from "@/testing/server";
import WebhookIsland, { proofOf } from "./index";
import { freeName } from "./SecretField";
import { asSent, isSent, listed, SENDERS, type WebhookDocument } from "./senders";
import SubscriptionIsland, { hostOf } from "../webhookSubscription";
import WebhookTrial, { readHeaders } from "../webhookTrial";
import WebhookVerbs, { verbsOf, wordsOf } from "../webhookVerbs";

const secrets = { names: ["shop"], mayUse: true, mayManage: true };
const workflows = [{ id: "greeting", name: "Greeting" }];
const assign = vi.fn();

beforeEach(() => {
  assign.mockReset();
  vi.stubGlobal("location", { ...window.location, assign, reload: vi.fn() });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function show(document: WebhookDocument | null = null, revision = 0, given = secrets) {
  return render(
    <WebhookIsland
      document={document}
      revision={revision}
      secrets={given}
      base="https://here/hooks/"
      workflows={workflows}
    />,
  );
}

describe("the form of a webhook", () => {
  it("creates one that a well-known sender can call", async () => {
    const calls = fakeApi({ "POST webhooks": { webhookId: "github" } });
    show();
    fireEvent.change(screen.getByLabelText(/^Path/), { target: { value: "github" } });
    expect(screen.getByText("Its address is https://here/hooks/github")).toBeTruthy();
    fireEvent.click(screen.getByRole("button", { name: "GitHub" }));
    fireEvent.change(screen.getByLabelText(/Signing key/), { target: { value: "shop" } });
    fireEvent.change(screen.getByLabelText(/Starts/), { target: { value: "greeting" } });
    fireEvent.click(screen.getByRole("button", { name: "Create webhook" }));
    await waitFor(() => expect(assign).toHaveBeenCalledWith("/events/webhooks/in/github"));
    expect(calls[0]?.body).toMatchObject({
      path: "github",
      workflowId: "greeting",
      auth: { kind: "hmac", header: "X-Hub-Signature-256", secretName: "shop" },
      eventIdFrom: "event.metadata.headers['x-github-delivery']",
    });
  });

  it("saves over the revision it read, and shows problems at their fields", async () => {
    const violations = [
      { code: "path-taken", severity: "error", pointer: "/path", message: "It is taken.", hint: "", fix: null },
    ];
    const calls = fakeApi({ "PUT webhooks/orders": new Refusal(422, { detail: "It has errors.", violations }) });
    show({ webhookId: "orders", path: "orders", auth: { kind: "none" } }, 3);
    expect(screen.getByText(/Anybody who knows the address/)).toBeTruthy();
    fireEvent.click(screen.getByRole("button", { name: "Save webhook" }));
    expect(await screen.findAllByText(/It is taken\./)).toHaveLength(2);
    expect(calls[0]?.headers["If-Match"]).toBe('"3"');
  });

  it("stores a new secret in place and shows its value once", async () => {
    const calls = fakeApi({ "PUT secrets/shop-2": { name: "shop-2", value: "whsec_once" } });
    show({ webhookId: "shop", name: "Shop", path: "shop", auth: { kind: "hmac" } });
    fireEvent.change(screen.getByLabelText(/Signing key/), { target: { value: " new" } });
    fireEvent.click(screen.getByRole("button", { name: "Store secret" }));
    expect(await screen.findByText("whsec_once")).toBeTruthy();
    expect(calls[0]?.body).toEqual({ generate: true });
    fireEvent.click(screen.getByRole("button", { name: "I have it" }));
    expect(screen.queryByText("whsec_once")).toBeNull();
    expect(screen.getByLabelText<HTMLSelectElement>(/Signing key/).value).toBe("shop-2");
  });

  it("offers no new secret to those who may only use them", () => {
    show({ path: "a", auth: { kind: "token" } }, 0, { ...secrets, mayManage: false });
    expect(screen.queryByText("New secret …")).toBeNull();
  });

  it("can be written as JSON as a whole", async () => {
    const calls = fakeApi({ "POST webhooks": { webhookId: "a" } });
    show();
    fireEvent.click(screen.getByRole("button", { name: "JSON" }));
    fireEvent.change(screen.getByLabelText("The document as JSON"), {
      target: { value: '{"path": "a", "auth": {"kind": "none"}}' },
    });
    fireEvent.click(screen.getByRole("button", { name: "Create webhook" }));
    await waitFor(() => expect(assign).toHaveBeenCalled());
    expect(calls[0]?.body).toEqual({ path: "a", auth: { kind: "none" } });
  });
});

describe("senders", () => {
  it("set what is theirs and leave the rest", () => {
    const own = { path: "a", workflowId: "w", eventPattern: "x", auth: { kind: "token", secretName: "s" } } as const;
    const github = SENDERS.find((each) => each.name === "GitHub")!;
    const done = asSent({ ...own }, github);
    expect(done).toMatchObject({ path: "a", workflowId: "w", auth: { kind: "hmac", secretName: "s" } });
    expect(isSent(done, github)).toBe(true);
    expect(isSent({ ...done, eventPattern: "other" }, github)).toBe(false);
    expect(asSent(done, SENDERS[0]!)).not.toHaveProperty("eventPattern");
  });

  it("keep nothing of another proof but the secret", () => {
    expect(proofOf("token", { kind: "hmac", header: "X-Sig", secretName: "s", algorithm: "sha512" })).toEqual({
      kind: "token",
      secretName: "s",
    });
    expect(proofOf("none", { kind: "hmac", secretName: "s" })).toEqual({ kind: "none" });
  });

  it("reads lists, headers, hosts and names", () => {
    expect(listed(" a,b  a\nc ")).toEqual(["a", "b", "c"]);
    expect(listed("  ")).toBeUndefined();
    expect(readHeaders("A: b: c\nnothing\n X-D:e ")).toEqual({ A: "b: c", "X-D": "e" });
    expect(hostOf("https://a.example:8443/x")).toBe("a.example:8443");
    expect(hostOf("nonsense")).toBe("");
    expect(freeName("Orders of the Shop!", [])).toBe("orders-of-the-shop");
    expect(freeName("shop", ["shop", "shop-2"])).toBe("shop-3");
    expect(freeName("123", [])).toBe("secret");
  });
});

describe("the form of a subscription", () => {
  it("creates one, but not over another of that name", async () => {
    const calls = fakeApi({
      "GET webhooks/subscriptions/partner": new Refusal(404, { detail: "There is none." }),
      "POST webhooks/subscriptions": { subscriptionId: "partner" },
    });
    render(<SubscriptionIsland document={null} revision={0} secrets={secrets} />);
    fireEvent.change(screen.getByLabelText(/^Name/), { target: { value: "Partner" } });
    fireEvent.change(screen.getByLabelText(/^Address/), { target: { value: "https://partner.example/e" } });
    fireEvent.change(screen.getByLabelText(/^Events/), { target: { value: "orders.*\ninvoices.paid" } });
    fireEvent.change(screen.getByLabelText(/Signed with/), { target: { value: "shop" } });
    fireEvent.click(screen.getByRole("button", { name: "Create subscription" }));
    await waitFor(() => expect(assign).toHaveBeenCalledWith("/events/webhooks/out/partner"));
    expect(calls.at(-1)?.body).toEqual({
      subscriptionId: "partner",
      name: "Partner",
      url: "https://partner.example/e",
      eventPatterns: ["orders.*", "invoices.paid"],
      secretName: "shop",
    });
  });

  it("says that the name is taken", async () => {
    fakeApi({ "GET webhooks/subscriptions/partner": {} });
    render(
      <SubscriptionIsland
        document={{ name: "Partner", url: "https://p.example/", eventPatterns: ["a"] }}
        revision={0}
        secrets={secrets}
      />,
    );
    cleanup();
    render(<SubscriptionIsland document={null} revision={0} secrets={secrets} />);
    fireEvent.change(screen.getByLabelText(/^Name/), { target: { value: "Partner" } });
    fireEvent.change(screen.getByLabelText(/^Address/), { target: { value: "https://partner.example/e" } });
    fireEvent.change(screen.getByLabelText(/^Events/), { target: { value: "orders.*" } });
    fireEvent.click(screen.getByRole("button", { name: "Create subscription" }));
    expect(await screen.findByText(/There is a subscription partner already/)).toBeTruthy();
  });
});

describe("trying and steering", () => {
  it("says why a call would be refused, and what would come of it", async () => {
    const calls = fakeApi({
      "POST webhooks/orders/test": {
        verified: false,
        reason: { code: "no-credentials", message: "The call bore no credentials." },
        event: { pattern: "orders.new" },
        answer: null,
        violations: [],
      },
    });
    render(<WebhookTrial webhookId="orders" body="{}" />);
    fireEvent.click(screen.getByRole("button", { name: "Try" }));
    expect(await screen.findByText(/It would be refused: The call bore no credentials\./)).toBeTruthy();
    expect(calls[0]?.body).toEqual({ headers: { "Content-Type": "application/json" }, body: "{}" });
  });

  it("offers what the state and the rights allow", () => {
    expect(verbsOf({ state: "FAILING", mayOperate: true, mayEdit: true })).toEqual(["pause", "delete"]);
    expect(verbsOf({ state: "PAUSED", mayOperate: true, mayEdit: false })).toEqual(["resume"]);
    expect(verbsOf({ state: "ACTIVE", mayOperate: false, mayEdit: false })).toEqual([]);
  });

  it("pings and says what came of it", async () => {
    const error = { code: "HTTP_500", message: "The other side answered 500." };
    fakeApi({
      "POST webhooks/subscriptions/p/ping": { ok: false, status: 500, durationMs: 3.2, answer: "oops", error },
    });
    render(<WebhookVerbs direction="out" id="p" name="P" state="ACTIVE" mayOperate mayEdit={false} />);
    fireEvent.click(screen.getByRole("button", { name: "Ping" }));
    expect(await screen.findByText("The other side answered 500.")).toBeTruthy();
    expect(screen.getByText("oops")).toBeTruthy();
    expect(wordsOf({ ok: true, status: 200, durationMs: 12.4, error: null })).toBe("It arrived: 200 in 12 ms.");
  });
});
