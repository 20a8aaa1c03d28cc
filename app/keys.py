"""Who may ask: API keys, and without any this machine alone. One rule for the HTTP API, the workbench and MCP."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from coarse2fine.reports import InputError

__all__ = ["ASK", "HOSTS", "Keys", "digest", "key_of", "names_this_machine"]

HOSTS = ("localhost", "127.0.0.1", "::1")
"""What a Host header may name where no key is asked for: a web page of another name must not read what is here."""

ASK = "send an API key: Authorization: Bearer KEY"

_SHORTEST = 16


class Keys:
    """API keys that are taken, kept as digests; none: no key is asked for.

    Raises:
        InputError: one is shorter than 16 characters or no printable ASCII.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if any(len(key) < _SHORTEST or not key.isascii() or not key.isprintable() for key in keys):
            raise InputError(f"an API key has {_SHORTEST} characters at least, all of them printable ASCII")
        self._digests = [digest(key) for key in keys]

    def __len__(self) -> int:
        return len(self._digests)

    def knows(self, given: str) -> bool:
        """Whether a key is one of these; takes the same time whichever it is."""
        found = digest(given)
        return any([hmac.compare_digest(found, known) for known in self._digests])  # noqa: C419 - all of them, always


def key_of(headers: Headers) -> str:
    """The key that a request brings, as `Authorization: Bearer KEY` or `X-API-Key`; "" for none."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")


def names_this_machine(host: str) -> bool:
    """Whether a Host header names this machine."""
    try:
        return urlsplit(f"//{host}").hostname in HOSTS
    except ValueError:
        return False


def digest(text: str) -> bytes:
    """What stands for a secret where it is kept or compared."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
