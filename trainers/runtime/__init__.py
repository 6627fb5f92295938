"""The job contract for trainers written in Python: files in, files out, so that a trainer is one function `train(job)`."""
