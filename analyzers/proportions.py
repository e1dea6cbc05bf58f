"""What a share counted in a few cases says of the share behind it."""

from __future__ import annotations

from scipy.stats import beta

LEVEL = 0.95


def upper_bound(hits: int, cases: int, level: float = LEVEL) -> float:
    """The largest share under which `hits` or fewer of `cases` still come up with probability 1 - `level`.

    One-sided and exact; 1 without cases. Where the share differs from case to case it bounds their mean all the more
    (Hoeffding, "On the Distribution of the Number of Successes in Independent Trials", 1956).

    References
    ----------
    Clopper and Pearson, "The Use of Confidence or Fiducial Limits", Biometrika 1934.
    """
    return 1.0 if hits >= cases else float(beta.ppf(level, hits + 1, cases - hits))


def interval(hits: int, cases: int, level: float = LEVEL) -> tuple[float, float]:
    """The exact two-sided interval of a share (Clopper and Pearson, 1934); 0 to 1 without cases."""
    tail = (1 + level) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(1 - tail, hits, cases - hits + 1))
    return low, upper_bound(hits, cases, tail)
