"""Where tiktoken keeps its vocabularies, so that we can tell whether one is at hand.

tiktoken fetches a vocabulary that it does not find, and one whose content is not what it expects.
We therefore look first, with tiktoken's own file names and content hashes.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["cache_folder", "missing"]

_P50K = (
    "ec7223a39ce59f226a68acc30dc1af2788490e15",
    "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
)
_O200K = (
    "fb374d419588a4632f3f557e76b4b70aebbca790",
    "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
)

#: For each encoding its files: name in tiktoken's cache (SHA-1 of the address), SHA-256 of content.
FILES: dict[str, tuple[tuple[str, str], ...]] = {
    "gpt2": (
        (
            "6d1cbeee0f20b3d9449abfede4726ed8212e3aee",
            "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
        ),
        (
            "6c7ea1a7e38e3a7f062df639a5b80947f075ffe6",
            "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
        ),
    ),
    "r50k_base": (
        (
            "0ea1e91bbb3a60f729a8dc8f777fd2fc07cd8df4",
            "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
        ),
    ),
    "p50k_base": (_P50K,),
    "p50k_edit": (_P50K,),
    "cl100k_base": (
        (
            "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
            "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        ),
    ),
    "o200k_base": (_O200K,),
    "o200k_harmony": (_O200K,),
}


def cache_folder() -> Path | None:
    """tiktoken's cache folder, or None when the environment turns its cache off."""
    for variable in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if variable in os.environ:
            return Path(os.environ[variable]) if os.environ[variable] else None
    return Path(tempfile.gettempdir()) / "data-gym-cache"


def missing(encoding: str) -> str | None:
    """Why tiktoken would use the network to load ``encoding``, or None if it would not."""
    if encoding not in FILES:
        return "clawvm does not know where this encoding keeps its vocabulary"
    # Loading OpenSSL's hashes takes longer than the rest of this package; few callers come here.
    import hashlib

    folder = cache_folder()
    if folder is None:
        return "the environment turns tiktoken's cache off (its folder is set to nothing)"
    for name, sha256 in FILES[encoding]:
        path = folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            return f"{path} cannot be read: {error.strerror}"
        if hashlib.sha256(content).hexdigest() != sha256:
            return f"{path} is not the file that tiktoken expects"
    return None
