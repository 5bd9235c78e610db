"""Small structures as MessagePack."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from ..errors import SnapshotInvalid

__all__ = ["decode_with", "encode_into"]

_T = TypeVar("_T")
_encoder = msgspec.msgpack.Encoder()


def encode_into(payload: bytearray, value: object, where: str) -> None:
    """Add the MessagePack of a structure to the payload; `where` names it in an error."""
    try:
        _encoder.encode_into(value, payload, -1)
    except (OverflowError, TypeError, UnicodeEncodeError) as error:
        raise SnapshotInvalid(f"{where}: {error}") from error


def decode_with(decoder: msgspec.msgpack.Decoder[_T], data: memoryview, where: str) -> _T:
    """Read MessagePack."""
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise SnapshotInvalid(f"section {where} is damaged: {error}") from error
