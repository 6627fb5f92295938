"""Perennial for Python.

`perennial.connect` calls a platform, for example from a notebook. `perennial.step` has what the
steps of projects import; it needs no other package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perennial.version import VERSION as __version__

if TYPE_CHECKING:
    from perennial.client import ApiError, Client, connect

__all__ = ["ApiError", "Client", "__version__", "connect"]


def __getattr__(name: str) -> Any:
    # Late, because a Python step has only the packages that its project names.
    if name in ("ApiError", "Client", "connect"):
        from perennial import client

        return getattr(client, name)
    raise AttributeError(f"module 'perennial' has no attribute {name!r}")
