"""The job contract for trainers written in Python:

files in, files out, so that a trainer is one function `train(job)`.
"""

import os

# Read by native libraries when they load, so set before any of them. What the caller has set stays.
for name, value in {
    # Deterministic models, and no thread that a fork would lose. A thread that spins on a busy core
    # turns seconds into minutes.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    # From 1.31 on, onnxruntime reports its use to its maker over the internet, from a thread that
    # it starts on import.
    "ORT_DISABLE_TELEMETRY": "1",
}.items():
    os.environ.setdefault(name, value)
