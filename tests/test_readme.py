"""What README and docs tell people to type works: commands, Python, links, make targets, CI."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from coarse2fine.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(coarse2fine [^`|…]+)`")


def blocks(page: Path, language: str) -> list[str]:
    return [body for name, body in _BLOCK.findall(page.read_text("utf-8")) if name == language]


def commands() -> Iterator[str]:
    for page in PAGES:
        text = page.read_text("utf-8")
        lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
        found = [line.split("  #")[0].strip() for line in lines if line.startswith("coarse2fine ")]
        yield from dict.fromkeys([*found, *_INLINE.findall(text)])


def parse(line: str) -> None:
    """Parse a command line as a run would, and run nothing. The name of a command alone will do."""
    command: Any = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, f"no such command: {words[0]}"
        command = command.commands[words.pop(0)]
    if words:
        command.make_context(command.name, words)


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_each_command_is_understood(line: str) -> None:
    parse(line)


@pytest.mark.parametrize(
    "line", ["coarse2fine impress a.txt --colour red", "coarse2fine eval poem x", "coarse2fine train nano recipe.yaml"]
)
def test_a_command_that_is_not_there_would_be_noticed(line: str) -> None:
    with pytest.raises(Exception, match=r"(?i)no such|missing|unexpected"):
        parse(line)


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        name
        for page in PAGES
        for name in re.findall(r"\bmake (\w+)(?=`|\s+#|$)", page.read_text("utf-8"), re.MULTILINE)
    }
    assert {"demo", "test", "check"} <= named
    assert named <= targets


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert re.search(r"^make test\b", "\n".join(blocks(ROOT / "README.md", "sh")), re.MULTILINE)
    assert (ROOT / ".ci" / "run").read_text("utf-8").rstrip().endswith("make test")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def python_blocks() -> list[Any]:
    return [
        pytest.param(block, id=f"{page.name}-{n}") for page in PAGES for n, block in enumerate(blocks(page, "python"))
    ]


@pytest.mark.slow
@pytest.mark.parametrize("block", python_blocks())
def test_python_runs(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    needs_models()
    monkeypatch.setenv("COARSE2FINE_HOME", str(tmp_path))
    exec(compile(block, "README.md", "exec"), {"__name__": "__main__"})
    assert "brief" in capsys.readouterr().out


def needs_models() -> None:
    for name in ("nano", "critic"):
        if not (ROOT / "serving" / "models" / name / "config.json").exists():
            pytest.skip(f"serving/models/{name} is not here: train it with `coarse2fine train {name}`")
