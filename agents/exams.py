"""Which examination of the knowledge base a title names: "CHEST PA AND LATERAL" is "xr-chest"."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["exam_of"]

_ULTRASOUND = r"\b(us|ultraso\w*|sono\w*|doppler|duplex)\b"
_MR = r"\b((mp)?mri?|mra|mrcp|magnetic)\b"
_CT = r"\b((ce|nc)?ct|cta|ctpa|cat scan|computed)\b"

_EXAMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("nm-pet-ct", (r"\bpet\b|\bfdg\b|positron",)),
    ("nm-vq", (r"\bv ?/? ?q\b|ventilation|lung perfusion|lung scintigra",)),
    ("nm-bone-scan", (r"bone (scan|scintigra|imaging)|skeletal scintigra|\bmdp\b",)),
    ("mg-breast", (r"\bmg\b|mammo|tomosynth",)),
    ("us-carotid", (_ULTRASOUND, r"carotid|neck vessel")),
    ("us-abdomen", (_ULTRASOUND, r"\babdom\w* and|abdomen complete")),
    ("us-kidney-bladder", (_ULTRASOUND, r"kidney|renal|bladder|urinary|\bkub\b")),
    ("us-leg-veins", (_ULTRASOUND, r"vein|venous|dvt|leg|extremit|limb")),
    ("us-pelvis", (_ULTRASOUND, r"pelvi|transvaginal|uterus|ovar|gyn(ae)?cologic|\bob\b")),
    ("us-scrotum", (_ULTRASOUND, r"scrot|testi|testes")),
    ("us-thyroid", (_ULTRASOUND, r"thyroid|neck")),
    ("us-abdomen", (_ULTRASOUND, r"\babd|retroperit|quadrant|liver|hepat|gallbladder|bil|ruq")),
    ("mr-cervical-spine", (_MR, r"cervical|c[- ]?spine|neck spine")),
    ("mr-lumbar-spine", (_MR, r"lumb|l[- ]?spine")),
    ("mr-knee", (_MR, r"knee")),
    ("mr-shoulder", (_MR, r"shoulder")),
    ("mr-prostate", (_MR, r"prostate")),
    ("mr-liver-mrcp", (r"mrcp|" + _MR, r"mrcp|liver|bil|pancrea|abd")),
    ("mr-brain", (_MR, r"brain|head")),
    ("cta-head-neck", (r"\bcta\b|angio", r"head|neck|brain|carotid|willis")),
    ("ct-cervical-spine", (_CT, r"cervical|c[- ]?spine")),
    ("ct-sinus-face", (_CT, r"sinus|face|facial|maxillo|orbit")),
    ("ct-chest", (r"\bctpa\b|" + _CT, r"chest|thorax|lung|pulmon|ctpa")),
    ("ct-abdomen-pelvis", (_CT, r"abd|pelvi|kub|urogra|renal|stone")),
    ("ct-head", (_CT, r"head|brain")),
    ("xr-chest", (r"chest|thorax|\bcxr\b",)),
    ("xr-abdomen", (r"abd|\bkub\b",)),
    ("xr-spine", (r"spine|cervical|thoracic|lumb|sacr|coccy|vertebr|scoliosis",)),
    (
        "xr-extremity",
        (r"\bxr\b|x-?ray|radiogra|film|views?\b", r"hand|wrist|finger|thumb|elbow|forearm|humer|shoulder|clavic|hip|"
         r"pelvis|femur|thigh|knee|tibi|leg|ankle|foot|heel|calcan|toe|extremit|bone"),
    ),
)  # fmt: skip
_NAMES = frozenset(exam for exam, _ in _EXAMS)
_OTHER_THAN_X_RAY = re.compile(rf"{_ULTRASOUND}|{_MR}|{_CT}|\b(scan|nuclear|echo\w*|fluoro\w*|biopsy)\b")


@lru_cache(maxsize=1024)
def exam_of(title: str) -> str:
    """The identifier of the examination that a title names; "" where it names none that is known.

    A title that is an identifier itself stands for itself. Without a modality, "chest" and "spine" are radiographs.
    """
    low = " ".join(re.sub(r"[^a-z0-9/&-]+", " ", title.lower()).split())
    if low in _NAMES:
        return low
    for exam, patterns in _EXAMS:
        if exam.startswith("xr-") and _OTHER_THAN_X_RAY.search(low):
            continue
        if all(re.search(pattern, low) for pattern in patterns):
            return exam
    return ""
