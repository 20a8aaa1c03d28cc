from __future__ import annotations

import subprocess
import sys

import pytest

import coarse2fine


def test_every_public_name_is_there() -> None:
    for name in coarse2fine.__all__:
        assert getattr(coarse2fine, name) is not None
    assert set(coarse2fine.__all__) <= set(dir(coarse2fine))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = coarse2fine.nothing  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["coarse2fine", "coarse2fine.graph", "coarse2fine.agents", "coarse2fine.serving"])
def test_importing_loads_no_model_library(name: str) -> None:
    heavy = "[m for m in ('torch', 'transformers', 'peft') if m in sys.modules]"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {name}; {name}.__all__; print({heavy})"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_importing_the_package_loads_next_to_nothing() -> None:
    code = "import sys; before = set(sys.modules); import coarse2fine; print(len(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 40
