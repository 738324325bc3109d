"""How often each idempotency key was tried: what a service that fails at first needs to know."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from examples.server.idempotency import MAX_KEYS


@dataclass
class Attempts:
    """Counts requests by key (the last `MAX_KEYS` of them)."""

    by_key: OrderedDict[str, int] = field(default_factory=OrderedDict)
    unkeyed: int = 0

    def count(self, path: str, key: str | None) -> tuple[int, str]:
        """The number of this attempt (1 is the first), and the text that the ids it makes are derived from."""
        if key is None:
            self.unkeyed += 1
            return 1, f"{path}:unkeyed-{self.unkeyed}"
        self.by_key[key] = self.by_key.get(key, 0) + 1
        if len(self.by_key) > MAX_KEYS:
            self.by_key.popitem(last=False)
        return self.by_key[key], f"{path}:{key}"
