"""Every section of the doctor, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from analyzers.errors import SerenoError
from flows.doctor.dask import look_at_dask
from flows.doctor.egress import look_at_egress
from flows.doctor.line import Line, Patient, Section, problem
from flows.doctor.machine import look_at_machine
from flows.doctor.mail import look_at_mail
from flows.doctor.model import look_at_model
from flows.doctor.prefect import look_at_prefect
from flows.doctor.software import look_at_software
from flows.doctor.sources import look_at_sources
from flows.doctor.workspace import look_at_workspace

SECTIONS: Mapping[str, Section] = {
    "software": look_at_software,
    "prefect": look_at_prefect,
    "model": look_at_model,
    "machine": look_at_machine,
    "dask": look_at_dask,
    "workspace": look_at_workspace,
    "egress": look_at_egress,
    "sources": look_at_sources,
    "mail": look_at_mail,
}


def examine(patient: Patient, sections: Mapping[str, Section] = SECTIONS) -> Iterator[tuple[str, Line]]:
    """Each section's lines with its name; an error that a section meets is a problem, and the next one follows."""
    for name, section in sections.items():
        try:
            for line in section(patient):
                yield name, line
        except SerenoError as error:
            what, _, remedy = str(error).rpartition("; ")
            yield name, problem(name, what or str(error), remedy)
