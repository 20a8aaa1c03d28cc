"""Where coarse2fine keeps its files on this machine."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["home_folder"]


def home_folder() -> Path:
    """`COARSE2FINE_HOME`, else `coarse2fine` in the user's data folder."""
    chosen = os.environ.get("COARSE2FINE_HOME")
    if chosen:
        return Path(chosen).expanduser()
    data = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "coarse2fine"
