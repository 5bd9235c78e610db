"""Blocks: a recorded session as the texts that a model read and wrote, request by request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Block", "Direction"]

Direction = Literal["in", "out"]


@dataclass(frozen=True, slots=True)
class Block:
    """One message, tool call or tool result, as one text.

    Parameters
    ----------
    index : int
        Place in the session, from 0, in the order of full history (outputs of a request before the inputs
        that answer them).
    request : int
        For an output, the request that wrote it; for an input, the first request that sees it. From 0.
    direction : {"in", "out"}
        Whether the model read or wrote it.
    kind : str
        ``system``, ``user``, ``instr`` (instructions that a harness puts in a user message),
        ``attachment``, ``result``, ``call`` or ``text`` (assistant text).
    text : str
        ``\\r\\n`` read as ``\\n``. A call's text is its name and every string leaf of its arguments, a line
        each.
    fixed : bool
        A system block before the first output: in every prompt.
    leaves : tuple of str
        What the model wrote, for outputs: the assistant text, or each string leaf of the arguments.
    path_leaves : tuple of bool
        For each leaf, whether it is the value of a ``path``, ``file_path`` or ``workdir`` argument.
    """

    index: int
    request: int
    direction: Direction
    kind: str
    text: str
    fixed: bool = False
    leaves: tuple[str, ...] = ()
    path_leaves: tuple[bool, ...] = ()
