"""Sentences of findings as impressions say them."""

from __future__ import annotations

import pytest

from coarse2fine.agents.terse import terse


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("There is a small right effusion.", "Small right effusion."),
        ("There are streaky opacities in both lung bases.", "Streaky opacities in both lung bases."),
        (
            "There are again streaky opacities in both lung bases.",
            "There are again streaky opacities in both lung bases.",
        ),
        ("An implantable defibrillator is noted.", "An implantable defibrillator."),
        ("Calcified granulomas are again seen.", "Calcified granulomas are again seen."),
        ("A fracture is not seen.", "A fracture is not seen."),
        ("There is no effusion.", "No effusion."),
        ("Again there is a nodule, and there is an effusion.", "Again there is a nodule, and there is an effusion."),
        ("The heart is enlarged.", "The heart is enlarged."),
        ("There is.", "There is."),
    ],
)
def test_only_what_says_that_it_is_there_goes(sentence: str, said: str) -> None:
    assert terse(sentence) == said
