"""The same training with LightGBM alone: `lightgbm_alone.py FILE TREES THREADS`."""

import sys

import lightgbm as lgb
import numpy as np
import pyarrow.parquet as pq

path, trees, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
table = pq.read_table(path)
codes = table["e"].combine_chunks().dictionary_encode().indices.to_numpy()
matrix = np.column_stack(
    [table[name].to_numpy().astype(np.float32) for name in "abcd"] + [codes.astype(np.float32)]
)
label = table["__label"].to_numpy()
del table
params = {
    "objective": "binary",
    "metric": "binary_logloss",
    "learning_rate": 0.05,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": threads,
    "verbosity": -1,
}
rows = lgb.Dataset(matrix, label, params=params)
booster = lgb.train(params, rows, trees, valid_sets=[rows], valid_names=["train"])
print(booster.current_iteration())
