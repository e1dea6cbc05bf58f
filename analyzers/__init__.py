"""What is abnormal and how much is at risk: frames in, findings out. No I/O, no clock."""

import os

# NumPy reads it when it is loaded. Its matrices are small here: a second thread of BLAS waits for the first at full
# speed, and sums in another order on another number of cores. All cores are used by `analyzers.cores`.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
