"""Partitions of a night on further processes or machines: Prefect tasks on a Dask cluster (docs/scale.md).

Nothing here is imported where `sereno.yaml` has no `dask` section, but for `deciding`, which says so.
"""
