"""Job contract for Python trainers: reads and writes the files around a function `train(job)`."""

import os

# Native libraries read these when they load. Values set by the caller stay.
for name, value in {
    # One thread gives deterministic models and survives a fork. Spinning threads on busy cores
    # would turn seconds into minutes.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    # From 1.31 on, onnxruntime sends usage reports to its maker, from a thread that it starts on
    # import.
    "ORT_DISABLE_TELEMETRY": "1",
}.items():
    os.environ.setdefault(name, value)
