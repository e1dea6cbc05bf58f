"""Sensor quality: is the reading worth charting, or is the sensor itself at fault?

The tests follow QARTOD (flags 1 pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing), with limits learnt from the
sensor's own baseline; a stated plausible range, season's range or rate comes first. Beside them stand tests of ours:
stuck clock, whole silent asset, readings that the source itself rejected, change of unit. Drift from a redundant or
predicted sensor is told from a process fault by the charts (`analyzers.series.redundancy`).

References
----------
U.S. Integrated Ocean Observing System, Manual for Real-Time Quality Control of In-situ Temperature and Salinity Data,
version 2.1 (2020), tests 1 (gap), 4 (gross range), 5 (climatology), 6 (spike), 7 (rate of change), 8 (flat line),
10 (attenuated signal), 13 (neighbour).
"""

from analyzers.sensors.inspection import SensorReport, inspect_sensors
from analyzers.sensors.sensor import Quality
from analyzers.sensors.timing import inspect_timing, silent_assets

__all__ = ["Quality", "SensorReport", "inspect_sensors", "inspect_timing", "silent_assets"]
