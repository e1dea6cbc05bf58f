"""The sections of the detection benchmark, by name."""

from __future__ import annotations

from benchmarks.section import Section
from benchmarks.sections import adbench, attribution, cards, discovery, simulators, skab, tep

SECTIONS: dict[str, Section] = {
    section.name: section
    for section in (
        adbench.SECTION,
        skab.SECTION,
        tep.SECTION,
        cards.SECTION,
        simulators.SECTION,
        discovery.SECTION,
        attribution.SECTION,
    )
}
