"""Who may see the workbench's pages, and whether a form is one of ours: a cookie, and a token bound to it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser

from coarse2fine.app.errors import Refused
from coarse2fine.app.keys import Keys, digest

__all__ = ["COOKIE", "LOGIN", "PREFIX", "Sessions", "is_open", "is_page"]

COOKIE = "coarse2fine"
PREFIX = "/workbench"
LOGIN = f"{PREFIX}/login"
_STATIC = f"{PREFIX}/static/"
_SECONDS = 12 * 3_600.0
_MOST = 1_000


def is_page(path: str) -> bool:
    """Whether a path is the workbench's: a session's cookie opens these, and none of the API's."""
    return path == "/" or path == PREFIX or path.startswith(f"{PREFIX}/")


def is_open(path: str) -> bool:
    """Whether a path is shown to whoever has entered no key yet."""
    return path == LOGIN or path.startswith(_STATIC)


class Sessions:
    """Sessions of one server, gone when it ends.

    A visit is what the cookie holds: random, without any meaning. One that entered an API key is admitted for 12 hours.

    Args:
        keys: API keys; none: every visit is admitted.
        clock: seconds, monotonic.
    """

    def __init__(self, keys: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = Keys(keys)
        self._secret = secrets.token_bytes(32)
        self._clock = clock
        self._admitted: OrderedDict[bytes, float] = OrderedDict()

    @property
    def needs_key(self) -> bool:
        """Whether a key has to be entered."""
        return bool(self._keys)

    def visit(self, headers: Headers) -> str:
        """The visit of a request, "" where it brings none."""
        found = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        return found if 20 <= len(found) <= 100 else ""

    def new_visit(self) -> str:
        """A visit that nobody has yet."""
        return secrets.token_urlsafe(32)

    def admits(self, visit: str) -> bool:
        """Whether a visit may see pages."""
        return not self._keys or self._admitted.get(digest(visit), 0.0) > self._clock()

    def enter(self, key: str) -> str:
        """A new visit that is admitted.

        Raises:
            Refused: the key is none of ours.
        """
        if not self._keys.knows(key):
            raise Refused("unauthorized", "this is no key of this server", field="key")
        visit = self.new_visit()
        self._admitted[digest(visit)] = self._clock() + _SECONDS
        while len(self._admitted) > _MOST:
            self._admitted.popitem(last=False)
        return visit

    def leave(self, visit: str) -> None:
        """Admit a visit no more."""
        self._admitted.pop(digest(visit), None)

    def token(self, visit: str) -> str:
        """What a form of this visit carries: nobody else can make it."""
        return hmac.new(self._secret, visit.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()

    def check_origin(self, request: Request) -> None:
        """See to it that a post comes from a page of this server.

        Raises:
            Refused: its headers `Sec-Fetch-Site` or `Origin` name another site.
        """
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        foreign = site not in (None, "same-origin")
        if origin is not None:
            foreign = foreign or urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower()
        if foreign:
            raise Refused("foreign", "forms are taken from this server's own pages only")

    def check_token(self, visit: str, token: str) -> None:
        """See to it that a form is one that this visit was shown.

        Raises:
            Refused: it is not.
        """
        expected = self.token(visit)
        if not visit or not hmac.compare_digest(expected.encode(), token.encode("utf-8", "surrogateescape")):
            raise Refused("foreign", "this form is too old: load its page again, then send it once more")
