"""tiktoken's vocabulary files, written from the vocabulary that toktok-rs carries: no network."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from clawvm.tokens.vocabularies import FILES


@pytest.fixture(scope="session")
def vocabulary_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder of tiktoken's that holds cl100k_base and o200k_base."""
    toktok = pytest.importorskip("toktok", reason="the extra fast-tokens is not installed")
    folder = tmp_path_factory.mktemp("tiktoken")
    for encoding in ("cl100k_base", "o200k_base"):
        tokens = toktok._encoding(encoding).token_byte_values()
        lines = [b"%s %d\n" % (base64.b64encode(token), rank) for rank, token in enumerate(tokens)]
        ((name, _),) = FILES[encoding]
        (folder / name).write_bytes(b"".join(lines))
    return folder


@pytest.fixture
def at_hand(vocabulary_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """tiktoken's cache is `vocabulary_folder`."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(vocabulary_folder))
    return vocabulary_folder


@pytest.fixture
def not_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """tiktoken's cache is an empty folder, and whoever touches the network fails."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr("tiktoken.load.read_file", _no_network)
    return tmp_path


def _no_network(address: str) -> bytes:
    raise ConnectionError(f"no network in this test, asked for {address}")
