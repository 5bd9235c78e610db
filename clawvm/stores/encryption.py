"""Encryption at rest with AES-GCM; needs the extra ``encryption``."""

from __future__ import annotations

import hashlib
import os

from ..errors import StoreCorrupt, StoreInvalid
from .codec import Lz4Codec

__all__ = ["AesGcmCodec"]

_NONCE_BYTES = 12
_KEY_SIZES = (16, 24, 32)


class AesGcmCodec:
    """Compress, then encrypt with AES-GCM under a random nonce for each item.

    Digests are keyed, so that nobody without the key can tell whether the store holds a text that
    he knows. Sizes (after compression), times, and the names of tenants and spaces are not hidden.
    Make a new key, and a new store, before one key has encrypted 2**32 items.

    Parameters
    ----------
    key : bytes
        16, 24 or 32 random bytes.

    Raises
    ------
    StoreInvalid
        When the key is none, or the package ``cryptography`` is not installed.
    """

    name = "aes-gcm+lz4"

    def __init__(self, key: bytes) -> None:
        if not isinstance(key, bytes) or len(key) not in _KEY_SIZES:
            found = f"{len(key)} bytes" if isinstance(key, bytes) else type(key).__name__
            raise StoreInvalid(
                f"an AES key is 16, 24 or 32 bytes, found {found}; make one with "
                "secrets.token_bytes(32)"
            )
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError as error:
            raise StoreInvalid(
                "encryption needs the package cryptography; install clawvm[encryption]"
            ) from error
        # Two keys from one, so that the digests give no hold on the key that encrypts.
        self._cipher = AESGCM(_derive(key, b"clawvm.encrypt")[: len(key)])
        self._digest_key = _derive(key, b"clawvm.digest")
        self._inner = Lz4Codec()

    def __repr__(self) -> str:
        return "AesGcmCodec(key=...)"

    def encode(self, data: bytes) -> bytes:
        """Compress and encrypt."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, self._inner.encode(data), None)

    def decode(self, data: bytes) -> bytes:
        """Decrypt and expand; raises `StoreCorrupt` for another key or altered bytes."""
        from cryptography.exceptions import InvalidTag

        if len(data) <= _NONCE_BYTES:
            raise StoreCorrupt(
                f"{len(data)} stored bytes are too few to be encrypted; run `clawvm fsck`"
            )
        try:
            packed = self._cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], None)
        except InvalidTag as error:
            raise StoreCorrupt(
                "stored bytes cannot be decrypted: they were altered, or written with another key"
            ) from error
        return self._inner.decode(packed)

    def digest(self, data: bytes) -> bytes:
        """BLAKE2b under a key of its own."""
        return hashlib.blake2b(data, key=self._digest_key, digest_size=16).digest()


def _derive(key: bytes, purpose: bytes) -> bytes:
    return hashlib.blake2b(purpose, key=key, digest_size=32).digest()
