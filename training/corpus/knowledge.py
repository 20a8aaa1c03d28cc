"""The knowledge base: typed exam types and findings, loaded from the YAML files beside this module."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from coarse2fine.reports import InputError
from coarse2fine.training.corpus.grammar import PLURALS, Template

__all__ = ["Exam", "Finding", "Region", "Significance", "Site", "Size", "knowledge", "load_exams"]

Significance = Literal["critical", "significant", "incidental"]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader in C where PyYAML has it: ten times as fast."""
PLACEHOLDERS = {"side", "side_lay", "sev", "site", "broad", "level", "count", "size", "change"}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Site(_Strict):
    """A place, and its wider name where the impression may use one."""

    name: str
    broad: str = ""


class Size(_Strict):
    """A range of measurements: `unit` ("cm", "mm", "%", ""), dims 1 to 3 numbers."""

    unit: str
    low: float
    high: float
    dims: int = Field(default=1, ge=1, le=3)


class Region(_Strict):
    """A part of the body that a systematic report walks through, and how it is called normal."""

    normal: tuple[str, ...] = ()


class Finding(_Strict):
    """One thing that can be wrong, and how people say it (see knowledge/README.md)."""

    id: str
    region: str
    significance: Significance
    names: tuple[str, ...] = Field(min_length=1)
    sides: tuple[Literal["left", "right", "bilateral"], ...] = ()
    severities: tuple[str, ...] = ()
    sites: tuple[Site, ...] = ()
    multi_site: bool = False
    levels: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()
    size: Size | None = None
    changes: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    findings: tuple[str, ...] = Field(min_length=1)
    impression: tuple[str, ...] = Field(min_length=1)
    lay: tuple[str, ...] = Field(min_length=1)
    deny: tuple[str, ...] = ()
    deny_lay: tuple[str, ...] = ()
    at_level: tuple[str, ...] = ()

    @cached_property
    def nouns(self) -> tuple[str, ...]:
        """The names that the finding's own wordings use: true synonyms.

        `names` holds more: words that a sentence denying something else must not contain beside this finding.
        """
        said = " ".join((*self.findings, *self.impression)).lower()
        asserted = re.sub(r"\b(no|without|not|rather than)\b[^.;]*", " ", said)
        return tuple(name for name in self.names if name.lower() in asserted) or self.names[:1]

    @model_validator(mode="before")
    @classmethod
    def _plain_sites(cls, data: Any) -> Any:
        if isinstance(data, dict) and "sites" in data:
            sites = [{"name": site} if isinstance(site, str) else site for site in data["sites"]]
            data = {**data, "sites": sites}
        return data

    @model_validator(mode="after")
    def _usable(self) -> Self:
        for kind in ("findings", "impression", "lay", "at_level"):
            templates = [Template(text) for text in getattr(self, kind)]
            for template in templates:
                unknown = {s for s in template.slots if s not in PLACEHOLDERS | set(PLURALS) and "|" not in s}
                if unknown:
                    raise ValueError(f"{self.id}: {kind}: unknown placeholder {sorted(unknown)} in {template.source!r}")
            if kind in ("impression", "lay") and not any(not t.required for t in templates):
                raise ValueError(f"{self.id}: {kind}: every template requires a placeholder; one must do without")
        return self


class LevelRows(_Strict):
    """A report that goes level by level ("L4-5: ..."): the levels in order, and how one is called normal."""

    levels: tuple[str, ...]
    normal: tuple[str, ...]


class Exam(_Strict):
    """One exam type.

    Args:
        one_side: whether one examination shows one side only, such as a wrist.
        focuses: parts of the body of which one examination shows one: name → words of the sites that belong to it.
        level_rows: for spines: how reports go level by level.
    """

    exam: str
    modality: Literal["XR", "CT", "MR", "US", "MG", "NM"]
    titles: tuple[str, ...]
    indications: tuple[str, ...]
    techniques: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    normal_impression: tuple[str, ...]
    otherwise: tuple[str, ...]
    normal_lay: tuple[str, ...]
    regions: dict[str, Region]
    findings: tuple[Finding, ...]
    one_side: bool = False
    focuses: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    level_rows: LevelRows | None = None

    @cached_property
    def by_focus(self) -> dict[str, tuple[Finding, ...]]:
        """The findings that each focus can show, their sites cut to its own."""
        return {name: tuple(self._within(words)) for name, words in self.focuses.items()}

    def _within(self, words: tuple[str, ...]) -> Iterator[Finding]:
        for finding in self.findings:
            sites = tuple(s for s in finding.sites if any(w in f"{s.name} {s.broad}" for w in words))
            if sites or not finding.sites:
                yield finding.model_copy(update={"sites": sites})

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        seen: set[str] = set()
        for finding in self.findings:
            if finding.id in seen:
                raise ValueError(f"finding {finding.id!r} stands twice in {self.exam}")
            seen.add(finding.id)
            if finding.region not in self.regions:
                raise ValueError(f"{finding.id}: region {finding.region!r} is not one of {sorted(self.regions)}")
        return self


def _merge(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Join the files of one exam: lists are appended, regions united."""
    merged: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            if isinstance(value, list):
                merged[key] = [*merged.get(key, []), *value]
            elif key == "regions":
                regions = merged.setdefault("regions", {})
                for name, region in value.items():
                    known = regions.setdefault(name, {"normal": []})
                    known["normal"] = [*known["normal"], *((region or {}).get("normal") or [])]
            else:
                merged.setdefault(key, value)
    return merged


def load_exams(sources: Iterable[tuple[str, str]]) -> tuple[Exam, ...]:
    """Read exam types from (name, YAML text) pairs; several files may describe one exam.

    Raises:
        InputError: a file is not YAML or not of the form of knowledge/README.md; names the file and the place.
    """
    parts: dict[str, list[dict[str, Any]]] = {}
    for name, text in sources:
        try:
            data = yaml.load(text, Loader=_LOADER)
            parts.setdefault(data["exam"], []).append(data)
        except (yaml.YAMLError, TypeError, KeyError) as error:
            raise InputError(f"{name}: not an exam file: {error}") from error
    exams = []
    for exam, found in sorted(parts.items()):
        try:
            exams.append(Exam.model_validate(_merge(found)))
        except ValidationError as error:
            raise InputError(f"exam {exam}: {error}") from error
    return tuple(exams)


@cache
def knowledge() -> tuple[Exam, ...]:
    """The exam types that ship with the package."""
    folder = files("coarse2fine.training.corpus") / "knowledge"
    return load_exams(
        (entry.name, entry.read_text("utf-8"))
        for entry in sorted(folder.iterdir(), key=lambda e: e.name)
        if entry.name.endswith(".yaml")
    )
