"""The version of the package. The platform compares it with its own."""

VERSION = "0.1.0"
