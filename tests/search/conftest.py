"""What tests of commands share."""

from tests.support.colour_embedder import use_colours

__all__ = ["use_colours"]
