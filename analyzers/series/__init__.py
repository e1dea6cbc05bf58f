"""Series: what left its own normal, per asset, and when.

`analyze_series` charts regularly sampled measures; `pivot_long` turns a historian's export into a wide frame first.
"""

from analyzers.series.historian import pivot_long
from analyzers.series.monitoring import analyze_series

__all__ = ["analyze_series", "pivot_long"]
