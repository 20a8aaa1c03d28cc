"""What is installed is what stands in the repository: packages, package data, floors, public names."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

import coarse2fine

ROOT = Path(__file__).parents[1]
SOURCES = ("src/coarse2fine", "agents", "app", "evals", "graph", "prompts", "reports", "serving", "training")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def folders() -> dict[str, Path]:
    """Import name → folder, of every folder with an `__init__.py`."""
    found = {}
    for source in SOURCES:
        top = ROOT / source
        for init in top.rglob("__init__.py"):
            folder = init.parent
            if any(parent.is_symlink() for parent in (folder, *folder.parents) if ROOT in parent.parents):
                continue
            inside = folder.relative_to(top).parts
            name = "coarse2fine" if source.startswith("src/") else f"coarse2fine.{source}"
            found[".".join((name, *inside))] = folder
    return found


def test_every_folder_is_listed_and_every_listed_package_is_a_folder(project: dict[str, Any]) -> None:
    assert sorted(project["tool"]["setuptools"]["packages"]) == sorted(folders())


def test_package_dirs_point_to_the_folders(project: dict[str, Any]) -> None:
    mapped = project["tool"]["setuptools"]["package-dir"]
    assert {name: (ROOT / folder).resolve() for name, folder in mapped.items()}.items() <= folders().items()


def test_type_checkers_find_each_folder_under_src() -> None:
    for source in SOURCES[1:]:
        link = ROOT / "src" / "coarse2fine" / source
        assert link.is_symlink()
        assert link.resolve() == ROOT / source


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files of a wheel that is built from a copy of the tracked and new files."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in (*SOURCES, "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (file,) = out.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        return set(archive.namelist())


def test_the_wheel_carries_every_module(wheel: set[str]) -> None:
    for name, folder in folders().items():
        for module in folder.glob("*.py"):
            assert f"{name.replace('.', '/')}/{module.name}" in wheel


@pytest.mark.parametrize(
    ("package", "pattern"),
    [
        ("agents", "lexicon/*.yaml"),
        ("app", "workbench/static/*"),
        ("app", "workbench/templates/*.j2"),
        ("app", "*.yaml"),
        ("evals", "*.j2"),
        ("evals", "*.yaml"),
        ("graph", "*.j2"),
        ("prompts", "templates/*/*.j2"),
        ("prompts", "templates/*/*.yaml"),
        ("training", "corpus/knowledge/*.yaml"),
    ],
)
def test_the_wheel_carries_package_data(wheel: set[str], package: str, pattern: str) -> None:
    files = sorted((ROOT / package).glob(pattern))
    assert files
    for file in files:
        assert f"coarse2fine/{file.relative_to(ROOT).as_posix()}" in wheel


def test_the_wheel_carries_the_models(wheel: set[str]) -> None:
    files = [file for file in (ROOT / "serving" / "models").rglob("*") if file.is_file()]
    if not files:
        pytest.skip("serving/models holds no weights: train them with `coarse2fine train`")
    for file in files:
        assert f"coarse2fine/{file.relative_to(ROOT).as_posix()}" in wheel


def test_the_wheel_carries_the_licence_and_the_type_mark(wheel: set[str]) -> None:
    assert "coarse2fine/py.typed" in wheel
    assert {"LICENSE", "NOTICE"} <= {Path(name).name for name in wheel if "dist-info/licenses" in name}


def test_no_file_of_a_model_is_too_big_for_a_plain_repository() -> None:
    sizes = {file: file.stat().st_size for file in (ROOT / "serving").rglob("*") if file.is_file()}
    assert {file: size for file, size in sizes.items() if size > 40 * 2**20} == {}


def test_public_names_exist() -> None:
    for name in coarse2fine.__all__:
        assert getattr(coarse2fine, name) is not None
    assert coarse2fine.__all__ == sorted(coarse2fine.__all__)


@pytest.mark.parametrize("name", ["coarse2fine", *sorted(set(folders()) - {"coarse2fine"})])
def test_all_lists_names_that_exist(name: str) -> None:
    module = __import__(name, fromlist=["__all__"])
    for public in getattr(module, "__all__", ()):
        assert hasattr(module, public), f"{name}.{public}"


def test_importing_any_package_loads_no_torch() -> None:
    code = (
        f"import sys\nfor name in {sorted(folders())}: __import__(name)\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]


def test_nothing_tracked_names_a_folder_of_the_machine_it_was_written_on() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    outside = re.compile(r"\.\./shared|/work/|/root/|/opt/pypi")
    for name in listed.stdout.splitlines():
        file = ROOT / name
        if (
            file.is_file()
            and not file.is_symlink()
            and file != Path(__file__)
            and file.suffix in (".py", ".md", ".yaml", ".toml", ".j2")
        ):
            assert not outside.search(file.read_text("utf-8")), name
