"""Models that were loaded by name can be let go."""

from __future__ import annotations

from coarse2fine.serving import load_chat_model, unload_chat_models


def test_a_model_is_loaded_once_until_it_is_let_go() -> None:
    first = load_chat_model("hf:models/none").chat  # loads no weights before it is asked
    assert load_chat_model("hf:models/none").chat is first
    unload_chat_models()
    assert load_chat_model("hf:models/none").chat is not first
