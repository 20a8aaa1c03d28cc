"""The model card of the embedded NLI critic."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["model_card"]

_CARD = """\
---
license: apache-2.0
language: en
pipeline_tag: text-classification
---
# nano critic

Tells whether evidence from a radiology report proves a claim of an impression: entailment, neutral, contradiction.
A cross-encoder: premise (one to three sentences of the findings) and hypothesis (one sentence) go in as a pair.

## How it was made
Fine-tuned by `coarse2fine train critic` from {start}
on {pairs} premise-hypothesis pairs. They were composed from coarse2fine's own knowledge base of radiology, whose
reports have known facts, or stand in reports that were written by hand for it (`training/corpus/cases`); no patient's
report was used, neither to train nor to choose a checkpoint. Composed claims differ from the evidence by one thing at
a time (FactCC-style): negation, side, severity, number, level, interval change, acuity, place, an added attribute, an
invented finding.

```json
{settings}
```

## Figures
On {held} held-out composed pairs: {accuracy} of three labels right; supported against not supported at probability 0.5:
balanced accuracy {balanced}. Share told rightly (supported or not) by kind of claim:

| kind | pairs | right |
|---|---|---|
{rows}

## Limits
English. Composed text is tidier than dictated text: expect lower figures on real reports. Numbers, sides and levels are
left to deterministic checks in coarse2fine's critic; this model alone is not reliable on them. It reads the pair only,
up to 160 tokens in training. It is no medical device, and its verdict is no substitute for a radiologist's.

## Credit
all-MiniLM-L6-v2 by the sentence-transformers authors, Apache License 2.0, after MiniLM by Microsoft.
"""


def model_card(
    start: str, settings: str, pairs: int, accuracy: float, balanced: float, kinds: Mapping[str, tuple[float, int]]
) -> str:
    """The model's README: what it is, how it was made, how good it is, where it ends.

    Args:
        start: the encoder that it was fine-tuned from; settings: its recipe as JSON; pairs: training pairs.
        accuracy, balanced: shares on held-out pairs; kinds: by kind, (share told rightly, number of pairs).
    """
    rows = "\n".join(f"| {kind} | {number} | {share:.3f} |" for kind, (share, number) in kinds.items())
    held = sum(number for _, number in kinds.values())
    return _CARD.format(
        start=start, pairs=f"{pairs:,}", settings=settings, held=f"{held:,}", accuracy=f"{accuracy:.3f}",
        balanced=f"{balanced:.3f}", rows=rows,
    )  # fmt: skip
