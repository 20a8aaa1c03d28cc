"""Commands whose options take several values after one another: --models A B C."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from typer.core import TyperCommand

__all__ = ["ManyValues"]


class ManyValues(TyperCommand):
    """A command without arguments: what follows an option that may be repeated is more values of it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Write `--models A B` out as `--models A --models B`."""
        many = {name for param in self.params if getattr(param, "multiple", False) for name in param.opts}
        return super().parse_args(ctx, list(_repeated(args, many)))


def _repeated(args: Sequence[str], many: set[str]) -> Iterator[str]:
    option, given = "", False
    for word in args:
        if word.startswith("-") and len(word) > 1:
            name, equals, _ = word.partition("=")
            option, given = name if name in many else "", bool(equals)
        elif option and given:
            yield option
        else:
            given = True
        yield word
