"""A grown Llama says what it said before, and learns with its new parts."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from coarse2fine.training.growth import grow, origins


def _llama(layers: int, intermediate: int) -> LlamaForCausalLM:
    torch.manual_seed(layers)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=50,
            hidden_size=16,
            intermediate_size=intermediate,
            num_hidden_layers=layers,
            num_attention_heads=2,
            num_key_value_heads=2,
            tie_word_embeddings=True,
        )
    )


def test_the_same_answers_from_more_and_wider_layers() -> None:
    small, large = _llama(3, 24), _llama(5, 40)
    ids = torch.randint(0, 50, (2, 9))
    before = small(ids).logits
    assert not torch.allclose(large(ids).logits, before, atol=1e-3)
    large.load_state_dict(grow(small.state_dict(), 3, 5, 40))
    torch.testing.assert_close(large(ids).logits, before, atol=1e-5, rtol=1e-5)


def test_new_parts_learn() -> None:
    model = _llama(4, 32)
    model.load_state_dict(grow(_llama(2, 24).state_dict(), 2, 4, 32))
    ids = torch.randint(0, 50, (2, 9))
    model(ids, labels=ids).loss.backward()
    copied = [i for i, (_, copy) in enumerate(origins(2, 4)) if copy]
    layers = model.model.layers
    assert all(layers[i].self_attn.o_proj.weight.grad.abs().sum() > 0 for i in copied)  # type: ignore[union-attr]
    assert layers[0].mlp.down_proj.weight.grad[:, 24:].abs().sum() > 0  # type: ignore[union-attr]


def test_copies_are_spread() -> None:
    assert [layer for layer, _ in origins(6, 8)] == [0, 1, 1, 2, 3, 4, 4, 5]
    assert origins(2, 4) == [(0, False), (0, True), (1, False), (1, True)]


@pytest.mark.parametrize(("wanted", "intermediate"), [(1, 24), (5, 24), (2, 20)])
def test_what_cannot_be_made_of_it_is_refused(wanted: int, intermediate: int) -> None:
    with pytest.raises(ValueError, match=r"cannot become|can become"):
        grow(_llama(2, 24).state_dict(), 2, wanted, intermediate)
