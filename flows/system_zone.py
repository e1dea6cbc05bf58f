"""The time zone of this machine, by its name."""

from __future__ import annotations

import os
import zoneinfo
from pathlib import Path

_LINK = Path("/etc/localtime")


def system_zone() -> str:
    """As `TZ` or the system says it, such as `Europe/Madrid`; `UTC` where neither says."""
    stated = os.environ.get("TZ", "").lstrip(":")
    linked = str(_LINK.resolve()).partition("zoneinfo/")[2] if _LINK.is_symlink() else ""
    known = zoneinfo.available_timezones()
    name = next((each for each in (stated, linked) if each in known), "UTC")
    return "UTC" if name.rpartition("/")[2] in {"UTC", "UCT", "Universal", "Zulu"} else name
