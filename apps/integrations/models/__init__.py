"""Tables of the integrations app: webhooks in and out."""

from .subscriptions import WantedPattern, WebhookSubscription
from .webhooks import Webhook, WebhookReception, WebhookSeen

__all__ = ["WantedPattern", "Webhook", "WebhookReception", "WebhookSeen", "WebhookSubscription"]
