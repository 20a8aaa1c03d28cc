"""The typo study with a scripted model: losses against rate 0, facts judged by the findings without errors."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

import numpy as np
import pytest

from coarse2fine.evals.cache import RowCache
from coarse2fine.evals.layouts import Case
from coarse2fine.evals.metrics import load_metric
from coarse2fine.evals.noise import noisy
from coarse2fine.evals.pages import html, markdown
from coarse2fine.evals.statistics import intervals, mean_of
from coarse2fine.evals.systems import System, Written
from coarse2fine.evals.typos import Noise, Typos, relative_loss, typos, typos_csv
from coarse2fine.evals.typos_page import typos_page
from coarse2fine.prompts import prompt_set
from coarse2fine.reports import InputError
from coarse2fine.serving import LoadedModel, ScriptedChatModel, ScriptedNLI


def copies(messages: Any) -> str:
    """A model that repeats the findings' first sentence, errors and all."""
    prompt = str(messages[-1].content)
    return prompt.split("<findings>")[1].strip().split(". ")[0] + "."


def study(cases: list[Case], rates: list[float], critic: ScriptedNLI | None = None, **settings: Any) -> Typos:
    names = settings.pop("metrics", ("rouge",))
    system = System(
        "copying", LoadedModel("copying", ScriptedChatModel(replies=copies), "default"), prompt_set("default"), critic
    )
    metrics = [load_metric(name, **({"critic": ScriptedNLI(1.0)} if name == "fc" else {})) for name in names]
    return asyncio.run(typos(system, cases, metrics, Noise(rates), resamples=200, **settings))


def test_what_is_lost_is_a_share_of_the_value_at_rate_0(cases: list[Case]) -> None:
    found = study(cases * 5, [0.5, 0.0])
    clean, struck = found.rates
    assert (clean.rate, struck.rate, clean.struck) == (0, 0.5, 0)
    assert struck.struck == pytest.approx(0.5, abs=0.06)
    before, after = clean.columns["rougeL"].value, struck.columns["rougeL"].value
    lost = struck.loss["rougeL"]
    assert lost is not None
    assert lost.value > 0
    assert lost.value == pytest.approx((before - after) / before)
    assert lost.low <= lost.value <= lost.high
    assert clean.loss["rougeL"] == (0, 0, 0)


def test_a_loss_is_paired() -> None:
    clean = np.array([0.1, 0.9, 0.5, 0.3])
    (found,) = intervals([relative_loss(mean_of(clean), mean_of(clean / 2))], resamples=500)
    assert found == pytest.approx((0.5, 0.5, 0.5))


def test_facts_are_judged_by_the_findings_without_errors(cases: list[Case]) -> None:
    nli = ScriptedNLI(1.0)
    system = System("c", LoadedModel("c", ScriptedChatModel(replies=copies), "default"), prompt_set("default"))
    asyncio.run(typos(system, cases, [load_metric("fc", critic=nli)], Noise([0, 0.5]), resamples=200))
    assert {pair.premise for pair in nli.asked} == {case.report.findings for case in cases}
    assert any(pair.hypothesis not in pair.premise for pair in nli.asked)


def test_the_model_reads_the_errors_and_rows_are_kept(cases: list[Case], tmp_path: Any) -> None:
    kept = RowCache(tmp_path / "rows.jsonl", Written)
    chat = ScriptedChatModel(replies=copies)
    system = System("c", LoadedModel("c", chat, "default"), prompt_set("default"))
    metrics = [load_metric("rouge")]
    first = asyncio.run(typos(system, cases, metrics, Noise([0, 0.5]), kept=kept, resamples=200))
    asked = " ".join(str(m.content) for messages in chat.asked for m in messages)
    assert noisy(cases[0].report.findings, 0.5) in asked
    calls = len(chat.asked)
    again = RowCache(tmp_path / "rows.jsonl", Written)
    assert asyncio.run(typos(system, cases, metrics, Noise([0, 0.5]), kept=again, resamples=200)) == first
    assert len(chat.asked) == calls


def test_page_and_table(cases: list[Case]) -> None:
    found = study(cases, [0, 0.1, 0.3], metrics=("rouge", "length"))
    page = typos_page(found, "invented")
    assert "| rougeL |" in markdown(page)
    assert "ROUGE 11.9%" in markdown(page)
    assert "<svg" in html(page)
    lines = list(csv.DictReader(io.StringIO(typos_csv(found))))
    assert {line["rate"] for line in lines} == {"0.0", "0.1", "0.3"}
    assert all(line["loss_high"] for line in lines if line["score"] == "rougeL")


@pytest.mark.parametrize("rates", [[0.1], [0.0], [0.0, 2.0]])
def test_rates_need_0_and_another_and_are_shares(cases: list[Case], rates: list[float]) -> None:
    with pytest.raises(InputError, match="rate"):
        study(cases, rates)
