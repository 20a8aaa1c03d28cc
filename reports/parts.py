"""Which report goes to which part: stratified, whole groups apart, the same for the same seed."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal, NamedTuple

from coarse2fine.reports.errors import InputError
from coarse2fine.reports.normalise import fingerprint, plain_words, verbatim_words
from coarse2fine.reports.report import Report
from coarse2fine.reports.statistics import age_band

__all__ = ["PARTS", "By", "PartName", "Rows", "Size", "assign", "findings_key", "stratum"]

PartName = Literal["train", "validate", "test"]
By = Literal["patient", "radiologist"]
Size = int | float
"""So many reports, or (a float, at most 1) such a share of all."""

PARTS: tuple[PartName, ...] = ("train", "validate", "test")


def stratum(report: Report) -> str:
    """Sex and age band, such as "female 40-64"."""
    return f"{report.sex or 'unknown'} {age_band(report.age)}"


def findings_key(report: Report) -> int:
    """Equal where the findings say the same in the same words, however they are set."""
    return fingerprint(plain_words(report.findings))


@dataclass
class Rows:
    """What a split has to know of each report: hashes of 8 bytes, and the stratum's place in `strata`."""

    keys: array[int] = field(default_factory=lambda: array("Q"))
    findings: array[int] = field(default_factory=lambda: array("Q"))
    patients: array[int] = field(default_factory=lambda: array("Q"))
    groups: array[int] = field(default_factory=lambda: array("Q"))
    places: array[int] = field(default_factory=lambda: array("H"))
    strata: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.keys)

    def add(self, report: Report, by: By) -> None:
        """Take a report in. One without a patient (or radiologist) is a group of its own."""
        key = fingerprint(f"{report.id}\0{verbatim_words(report.findings, report.impression)}")
        patient = fingerprint(f"patient\0{report.patient}") if report.patient else 0
        radiologist = fingerprint(f"radiologist\0{report.radiologist}") if report.radiologist else 0
        self.keys.append(key)
        self.findings.append(findings_key(report))
        self.patients.append(patient)
        self.groups.append((radiologist if by == "radiologist" else 0) or patient or key)
        self.places.append(self.strata.setdefault(stratum(report), len(self.strata)))


class Assigned(NamedTuple):
    """The part of each row, None where it is in none; and why those are in none."""

    parts: list[PartName | None]
    left_out: Counter[str]


def assign(rows: Rows, sizes: Mapping[PartName, Size], seed: int) -> Assigned:
    """Give reports to parts.

    First each group goes to one part, whole, so that the parts have their shares of every stratum. Findings (a
    template's) or patients that several groups have go to one part, too, and reports that have them are left out of
    the others. Then each part draws its reports from its groups, as many of each stratum as all reports have.

    Args:
        sizes: counts, which are met or refused; or shares, which are met as nearly as groups permit (all reports of a
            part's groups where the shares make 1).

    Raises:
        InputError: there are fewer reports than the counts ask for.
    """
    wanted = _wanted(sizes, len(rows))
    owners = _owners(rows, wanted, seed)
    whole = _are_shares(sizes) and abs(sum(sizes.values()) - 1) < 1e-9
    parts: list[PartName | None] = [None] * len(rows)
    left_out: Counter[str] = Counter()
    for part, pool in _pools(rows, wanted, seed).items():
        refused = {row: reason for row in pool if (reason := owners.refuse(rows, row, part))}
        free = [row for row in pool if row not in refused]
        drawn = free if whole else _drawn(rows, free, wanted[part])
        for row in drawn:
            parts[row] = part
        left_out.update([*refused.values(), *["not drawn"] * (len(free) - len(drawn))])
    _refuse_short(parts, {part: count for part, count in wanted.items() if not isinstance(sizes[part], float)})
    return Assigned(parts, left_out)


# ---------------------------------------------------------------------------------------------------------- how many
def _are_shares(sizes: Mapping[PartName, Size]) -> bool:
    return any(isinstance(size, float) for size in sizes.values())


def _wanted(sizes: Mapping[PartName, Size], total: int) -> dict[PartName, int]:
    """Reports for each part that is to have any.

    Raises:
        InputError: the sizes are no sizes, or ask for more than there is.
    """
    if not total:
        raise InputError("there is no report with findings and impression to split")
    if any(size < 0 or (isinstance(size, float) and size > 1) for size in sizes.values()):
        raise InputError("a part's size is a count of reports, or a share from 0 to 1")
    wanted = {part: round(size * total) if isinstance(size, float) else size for part, size in sizes.items()}
    asked = sum(size if isinstance(size, float) else size / total for size in sizes.values())
    if _are_shares(sizes) and asked > 1 + 1e-9:
        raise InputError(f"the parts make {asked:.2f} of all {total:,} reports: they make 1 at most")
    if not _are_shares(sizes) and sum(wanted.values()) > total:
        raise InputError(f"there are {total:,} reports, and the parts ask for {sum(wanted.values()):,}: ask for fewer")
    if not (wanted := {part: count for part, count in wanted.items() if count}):
        raise InputError("no part is to have any report: give counts or shares")
    return wanted


def _refuse_short(parts: Sequence[PartName | None], wanted: Mapping[PartName, int]) -> None:
    got = Counter(part for part in parts if part)
    short = [f"{part} {got[part]:,} of {count:,}" for part, count in wanted.items() if got[part] < count]
    if short:
        raise InputError(
            f"groups that stay whole and findings that stay in one part leave too few reports ({', '.join(short)}): "
            "ask for fewer, or give shares"
        )


# ------------------------------------------------------------------------------------------------ groups into parts
class _Group(NamedTuple):
    place: int
    rows: list[int]


def _pools(rows: Rows, wanted: Mapping[PartName, int], seed: int) -> dict[PartName, list[int]]:
    """The rows of each part's groups, in an order that the seed gives."""
    groups = _groups(rows)
    owners = _share_out(groups, wanted, sorted(groups, key=lambda group: (_mix(seed, group), group)))
    pools: dict[PartName, list[int]] = {part: [] for part in wanted}
    for group, part in owners.items():
        pools[part].extend(groups[group].rows)
    for pool in pools.values():
        pool.sort(key=lambda row: (_mix(seed, rows.keys[row]), row))
    return pools


def _groups(rows: Rows) -> dict[int, _Group]:
    """A group has the stratum of its first report."""
    groups: dict[int, _Group] = {}
    for row, group in enumerate(rows.groups):
        groups.setdefault(group, _Group(rows.places[row], [])).rows.append(row)
    return groups


def _share_out(
    groups: Mapping[int, _Group], wanted: Mapping[PartName, int], order: Sequence[int]
) -> dict[int, PartName]:
    """Each group goes to the part that is furthest behind its share, of the stratum and of all."""
    shares = {part: count / sum(wanted.values()) for part, count in wanted.items()}
    owners: dict[int, PartName] = {}
    behind: defaultdict[tuple[PartName, int], float] = defaultdict(float)
    totals: Counter[PartName] = Counter()
    for group in order:
        place, size = groups[group].place, len(groups[group].rows)
        for part, share in shares.items():
            behind[part, place] += share * size
            behind[part, -1] += share * size
        best = max(shares, key=lambda part: behind[part, place] + behind[part, -1])
        behind[best, place] -= size
        behind[best, -1] -= size
        owners[group] = best
        totals[best] += size
    _even_out(owners, groups, wanted, order, totals)
    return owners


def _even_out(
    owners: dict[int, PartName],
    groups: Mapping[int, _Group],
    wanted: Mapping[PartName, int],
    order: Sequence[int],
    totals: Counter[PartName],
) -> None:
    """Move groups to a part that has too few reports from parts that can spare them."""
    for part, count in wanted.items():
        for group in order:
            if totals[part] >= count:
                break
            giver, size = owners[group], len(groups[group].rows)
            if giver != part and totals[giver] - size >= wanted[giver]:
                owners[group] = part
                totals[giver] -= size
                totals[part] += size


# -------------------------------------------------------------------------------------------------- reports of parts
class _Owners(NamedTuple):
    """The part that findings or patients of several groups belong to; a group's own go where the group goes."""

    findings: Mapping[int, PartName]
    patients: Mapping[int, PartName]

    def refuse(self, rows: Rows, row: int, part: PartName) -> str | None:
        """Why a row of one of this part's groups cannot be in it."""
        if self.findings.get(rows.findings[row], part) != part:
            return "findings in another part"
        return "patient in another part" if self.patients.get(rows.patients[row], part) != part else None


def _owners(rows: Rows, wanted: Mapping[PartName, int], seed: int) -> _Owners:
    """Findings such as a template's, which many patients have, are lost to all parts but one: drawn by size."""
    findings, patients = (_shared(keys, rows.groups) for keys in (rows.findings, rows.patients))
    return _Owners(
        {key: _draw(key, wanted, seed) for key in findings}, {key: _draw(key, wanted, seed) for key in patients}
    )


def _shared(keys: Iterable[int], groups: Iterable[int]) -> set[int]:
    """Keys that stand in more groups than one; 0 is none."""
    first: dict[int, int] = {}
    return {key for key, group in zip(keys, groups, strict=True) if key and first.setdefault(key, group) != group}


def _draw(key: int, wanted: Mapping[PartName, int], seed: int) -> PartName:
    """A part, each as likely as it is large."""
    at = int.from_bytes(_mix(seed, key), "big") % sum(wanted.values())
    for part, count in wanted.items():
        if at < count:
            return part
        at -= count
    raise IndexError(at)


def _drawn(rows: Rows, pool: Sequence[int], count: int) -> list[int]:
    """So many rows of the pool: first as many of each stratum as all reports have, then whatever there is."""
    quotas, drawn, rest = _quotas(rows, count), list[int](), list[int]()
    for row in pool:
        place = rows.places[row]
        (drawn if quotas[place] > 0 else rest).append(row)
        quotas[place] -= 1
    return drawn + rest[: count - len(drawn)]


def _quotas(rows: Rows, count: int) -> Counter[int]:
    """So many reports by stratum, in the proportions of all: largest remainders."""
    totals = Counter(rows.places)
    exact = {place: count * totals[place] / len(rows) for place in rows.strata.values()}
    quotas = Counter({place: int(share) for place, share in exact.items()})
    names = sorted(rows.strata, key=lambda name: (int(exact[rows.strata[name]]) - exact[rows.strata[name]], name))
    quotas.update(rows.strata[name] for name in names[: count - quotas.total()])
    return quotas


def _mix(seed: int, key: int) -> bytes:
    return blake2b(key.to_bytes(8, "big"), key=str(seed).encode()[:64], digest_size=8).digest()
