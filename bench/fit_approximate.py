"""Fit the weights of `clawvm.tokens.approximate` to ``o200k_base`` and measure the error.

Usage: ``python bench/fit_approximate.py TRACES [CATALOGUE.mo ...]``. The texts are the strings of
100 characters and more in the JSON files under TRACES, each once; the gettext catalogues stand in
for the scripts that recorded sessions hardly hold. Half of the files (by a hash of their name)
fit, the other half measure. Needs the extra ``fast-tokens``.
"""

from __future__ import annotations

import gettext
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from clawvm.tokens import counter
from clawvm.tokens.approximate import WEIGHTS, features

Floats = npt.NDArray[np.float64]

FIXED = {b"e": 2048}  # emoji: too rare in the traces to fit; one to three tokens each
ROUNDS = 15  # of reweighting, from least squares towards least absolute relative error


def strings(value: object) -> Iterator[str]:
    """Every string leaf of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def documents(path: Path) -> Iterator[object]:
    """The JSON values of a file: the file itself, or its lines."""
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        yield json.loads(text)
    except ValueError:
        for line in filter(None, map(str.strip, text.splitlines())):
            yield json.loads(line)


def trace_texts(folder: Path) -> dict[str, bool]:
    """Texts of the traces, each with whether its file is of the half that fits."""
    texts: dict[str, bool] = {}
    for path in sorted(folder.rglob("*.json*")):
        fits = hashlib.sha256(path.name.encode()).digest()[0] % 2 == 0
        for document in documents(path):
            for text in strings(document):
                # Long texts without a blank are signatures and images, which no prompt counts.
                blank = len(text) < 200 or any(map(str.isspace, text))
                if 100 <= len(text) <= 200_000 and blank:
                    texts.setdefault(text, fits)
    return texts


def catalogue_texts(paths: list[str]) -> dict[str, bool]:
    """Translated sentences, twenty to a text, alternately for the fit and for the measure."""
    texts: dict[str, bool] = {}
    for path in paths:
        with Path(path).open("rb") as file:
            entries = vars(gettext.GNUTranslations(file))["_catalog"].values()
        sentences = [entry for entry in entries if isinstance(entry, str) and entry][1:2000]
        for start in range(0, len(sentences), 20):
            texts.setdefault("\n".join(sentences[start : start + 20]), start % 40 == 0)
    return texts


def fit(matrix: Floats, counts: Floats, importance: Floats) -> Floats:
    """Weights for the least absolute error, each text's error relative to its size."""
    scale = importance / counts**0.75
    fixed = np.array([pattern in FIXED for pattern in WEIGHTS])
    weights = np.array([FIXED.get(pattern, 0) / 1024 for pattern in WEIGHTS])
    left, right = matrix[:, ~fixed] * scale[:, None], (counts - matrix @ weights) * scale
    solution = np.linalg.lstsq(left, right, rcond=None)[0]
    for _ in range(ROUNDS):
        root = 1 / np.sqrt(np.maximum(np.abs(left @ solution - right), 0.01 * counts * scale))
        solution = np.linalg.lstsq(left * root[:, None], right * root, rcond=None)[0]
    weights[~fixed] = solution
    return weights


def report(name: str, estimate: Floats, counts: Floats) -> None:
    """Print mean, 95th percentile and sum of the relative errors."""
    error = np.abs(estimate - counts) / counts
    total = estimate.sum() / counts.sum() - 1
    print(
        f"{name:32s} {len(counts):6d} texts  mean {error.mean():6.1%}  "
        f"p95 {np.percentile(error, 95):6.1%}  of the sum {total:+.1%}"
    )


def main(folder: str, *catalogues: str) -> None:
    """Fit, print the table to paste, and the errors of fitted and built-in weights."""
    count = counter("o200k_base").count
    traces, others = trace_texts(Path(folder)), catalogue_texts(list(catalogues))
    texts = [*traces, *others]
    fits = np.array([*traces.values(), *others.values()])
    matrix = np.array([features(text) for text in texts], dtype=np.float64)
    counts = np.array([count(text) for text in texts], dtype=np.float64)
    ours = np.arange(len(texts)) < len(traces)
    weights = fit(matrix[fits], counts[fits], np.where(ours, 1.0, 2.0)[fits])
    for pattern, weight in zip(WEIGHTS, weights, strict=True):
        print(f"    {pattern!r}: {round(weight * 1024)},")

    quarter = np.array([len(text) // 4 for text in texts], dtype=np.float64)
    builtin = matrix @ (np.array(list(WEIGHTS.values())) / 1024)
    for label, estimate in (("fitted", matrix @ weights), ("built in", builtin), ("//4", quarter)):
        for name, chosen in (("traces", ours), ("others", ~ours)):
            rows = chosen & ~fits
            if rows.any():
                report(f"{label}, {name}", estimate[rows], counts[rows])


if __name__ == "__main__":
    main(*sys.argv[1:])
