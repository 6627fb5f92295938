"""Python environments of projects and trainers, made with uv."""
