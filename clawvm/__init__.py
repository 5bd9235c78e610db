"""ClawVM: virtual memory for LLM agents that use tools and keep state."""

from ._backend import backend

__all__ = ["backend"]
__version__ = "0.1.0"
