"""The board with scripted models: its sections, that they are kept, and that one which fails takes none with it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coarse2fine.evals.board import FAILED, SECTIONS, board_page
from coarse2fine.evals.board_data import Board
from coarse2fine.evals.pages import Page, html, markdown
from coarse2fine.reports import InputError
from coarse2fine.serving import LoadedModel, ScriptedChatModel, ScriptedNLI

pytest.importorskip("bert_score")
_CLAIMS = [("Small left pleural effusion.", True), ("Fluid on the left.", True), ("Large mass.", False),
           ("The picture suggests overload.", False)]  # fmt: skip


def copies(messages: Any) -> str:
    prompt = str(messages[-1].content)
    return prompt.rsplit("<findings>", 1)[-1].strip().split(". ")[0] + "."


@pytest.fixture
def board(openi: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    seen = "The lungs are clear. No pleural effusion. The heart is normal in size."
    past = [
        {"idx": 0, "inputs": seen, "target": "No acute disease."},
        {"idx": 1, "inputs": "Large right effusion.", "target": "Effusion."},
    ]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in past), "utf-8")
    claims = tmp_path / "claims.jsonl"
    rows = [
        {"findings": "Small left pleural effusion. Heart is normal.", "claim": c, "supported": s, "kind": f"kind {s}"}
        for c, s in _CLAIMS
    ]
    claims.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    monkeypatch.setattr("coarse2fine.evals.board._SCORES", ("rouge", "fc", "support", "length"))
    return Board(
        layout="openi",
        folder=tmp_path,
        name="copying",
        loaded=LoadedModel("copying", ScriptedChatModel(replies=copies), "default"),
        critic=ScriptedNLI(lambda premise, claim: 0.9 if "luid" in claim else 0.1),
        rows=tmp_path / "rows",
        claims=[claims],
        limit=3,
        resamples=200,
    )


def run(board: Board) -> tuple[Page, list[str]]:
    titles: list[str] = []
    return asyncio.run(board_page(board, titles.append)), titles


def test_all_sections_have_their_figures_and_are_kept(board: Board) -> None:
    page, titles = run(board)
    assert titles == list(SECTIONS) == [section.title for section in page.sections]
    text = markdown(page)
    assert FAILED not in text
    for words in (
        "Reports: all 3, unseen 2, abnormal 2", "floor: TF-IDF, medoid of 10", "floor: TextRank, 1 sentence",
        "WGSum, as claimed", "loop on less loop off", "memory on less memory off", "draft less radiologists",
        "| rougeL |", "claims.jsonl", "derived from validate", "kind False", "draft and three audiences",
        "train.jsonl",
    ):  # fmt: skip
        assert words in text
    assert "<svg" in html(page)
    again, titles = run(board)
    assert (again, titles) == (page, [])


def test_nothing_is_written_twice(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    some = {name: SECTIONS[name] for name in ("Published reports", "Speed")}
    monkeypatch.setattr("coarse2fine.evals.board.SECTIONS", some)
    chat = board.loaded.chat
    assert isinstance(chat, ScriptedChatModel)
    run(board)
    asked = len(chat.asked)
    (board.rows / "sections.jsonl").unlink()
    run(board)
    assert len(chat.asked) == asked > 3


def test_a_section_that_fails_takes_no_other_with_it(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(board: Board) -> list[Any]:
        raise InputError("no ink")

    monkeypatch.setattr("coarse2fine.evals.board.SECTIONS", {"Bad": breaks, "Pinned": SECTIONS["Pinned"]})
    page, _ = run(board)
    assert page.sections[0].parts[0].text == f"{FAILED}InputError: no ink"
    assert "torch" in markdown(page)
    assert run(board)[1] == ["Bad"]


def test_other_settings_make_other_sections(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coarse2fine.evals.board.SECTIONS", {"Pinned": SECTIONS["Pinned"]})
    run(board)
    assert run(replace(board, limit=2))[1] == ["Pinned"]


def test_a_missing_file_is_named(board: Board) -> None:
    with pytest.raises(InputError, match=r"has no secret\.jsonl; the board needs train\.jsonl and secret\.jsonl"):
        run(replace(board, part="secret"))
