"""Word lists that tell a full stop from an abbreviation's, and an open line from a finished one."""

from __future__ import annotations

__all__ = ["CONNECTING", "DESIGNATORS", "NEVER_LAST", "OPENERS", "SELDOM_LAST", "TITLES", "WITH_NUMBER"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TITLES = _words("dr drs mr mrs ms prof st")
"""Stand before a name."""

NEVER_LAST = TITLES | _words("approx ca cf e.g eg i.e ie incl resp viz vs y.o")
"""Abbreviations after which a sentence always goes on."""

SELDOM_LAST = _words(
    "al etc jr sr abd ant avg bilat dept diam ext hosp inf lat lt max med min post prox rt sup temp vol "
    "cc cm dl ft hr hrs kg mcg mg mgy ml mm mo mos msec sec wk wks yr yrs"
)
"""Units and abbreviations that end a sentence only where the next word is capitalised."""

WITH_NUMBER = _words("fig figs im img no nos se ser")
"""Abbreviations when a number follows, words otherwise: "No. 3", but "Effusion: no."."""

CONNECTING = _words(
    "a an and are as at by for from in into is measures measuring of or than the to was were with without"
)
"""Words that no sentence ends with: a line that ends with one goes on."""

DESIGNATORS = _words(
    "bosniak category child class grade group hepatitis image influenza level phase pugh segment series stage stanford "
    "type vitamin weber zone"
)
"""Words that a letter or number belongs to: "hepatitis C.", "grade 2." are no initial and no list number."""

OPENERS = _words("a an in it no the there these this")
"""Words that open sentences and are never a surname after an initial."""
