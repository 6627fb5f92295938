"""The client of a platform: runs, models, predictions and datasets."""

from perennial.client.client import Client, connect
from perennial.client.datasets import Dataset
from perennial.client.errors import ApiError
from perennial.client.models import LoadedModel
from perennial.client.predictions import FeedbackCounts, Prediction
from perennial.client.runs import Comparison, Run, RunEvent

__all__ = [
    "ApiError",
    "Client",
    "Comparison",
    "Dataset",
    "FeedbackCounts",
    "LoadedModel",
    "Prediction",
    "Run",
    "RunEvent",
    "connect",
]
