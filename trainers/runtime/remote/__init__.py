"""Runs a job on a machine that shares nothing with the platform except the artifact store.

The order of a job is a JSON document in the store. Its URL is signed for a limited time and is the
only thing that the engine passes on:

    { "runtime": { "url", "digest" },          the code of trainers, as gzipped JSON { path: base64 }
      "attempt", "job": content of job.json,
      "downloads": [{ "path", "url", "digest", "bytes" }],    inputs, and files of an earlier attempt
      "uploads": { "url", "fields", "prefix" },                an S3 POST policy for this job's keys
      "lease": { "url", "seconds" } | null,
      "known": [digests of the checkpoint files that the store has],
      "tracking": { "url", "token", "experiment" } | null,
      "every": { "newsSeconds", "checkpointSeconds" }, "graceSeconds" }

After a cancellation it is `{ "cancelled": true }`.

Below the prefix the job writes `attempts/<n>/` with `metrics.ndjson`, `log.txt`, `checkpoint.json`,
`outputs/` and, last, `exit.json`, and `blobs/` with the files of checkpoints by their digest. Only
the standard library is needed, because a job may bring its own Python environment.
"""
