"""The narrator: the local model orders and connects facts, code writes and checks every sentence."""

from reports.narrator.narration import Narration, asked, narrate

__all__ = ["Narration", "asked", "narrate"]
