"""The loader: which core runs is decided in one place, and nothing falls back silently."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import clawvm

SHOW = "import clawvm; print(clawvm.backend)"
# An editable installation would still find its core for a copy of the package.
SHOW_WITHOUT_CORE = f"import sys; sys.modules['clawvm._core'] = None; {SHOW}"


@pytest.fixture(scope="module")
def bare_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package that has no compiled core and no mark of a pure build."""
    folder = tmp_path_factory.mktemp("bare")
    left_out = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__", "_pure_build")
    shutil.copytree(Path(clawvm.__file__).parent, folder / "clawvm", ignore=left_out)
    return folder


def run(folder: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CLAWVM_NO_EXTENSIONS": "", **variables}
    if folder is not None:
        environment["PYTHONPATH"] = str(folder)
    return subprocess.run(
        [sys.executable, "-P", "-c", SHOW if folder is None else SHOW_WITHOUT_CORE],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("value", ["1", "yes"])
def test_the_twin_runs_when_it_is_asked_for(value: str) -> None:
    done = run(CLAWVM_NO_EXTENSIONS=value)
    assert (done.stdout.strip(), done.stderr) == ("reference", "")


@pytest.mark.parametrize("value", ["", "0"])
def test_a_missing_core_is_an_error_when_the_twin_was_not_asked_for(
    bare_folder: Path, value: str
) -> None:
    done = run(bare_folder, CLAWVM_NO_EXTENSIONS=value)
    assert done.returncode != 0
    last = done.stderr.splitlines()[-1]
    assert "CompiledCoreMissing: the compiled core clawvm._core cannot be imported" in last
    assert "set CLAWVM_NO_EXTENSIONS=1 to run on the pure Python twin" in last


def test_an_installation_made_without_extensions_runs_on_the_twin(
    bare_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(bare_folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "clawvm" / "_pure_build").touch()
    done = run(tmp_path)
    assert (done.stdout.strip(), done.stderr) == ("reference", "")


def test_the_compiled_core_runs_where_it_is_built() -> None:
    if importlib.util.find_spec("clawvm._core") is None:
        assert os.environ.get("CLAWVM_REQUIRE_EXTENSION", "") in ("", "0")
        pytest.skip("clawvm._core is not built here")
    assert run().stdout.strip() == "compiled"


def test_this_run_is_on_the_compiled_core_where_that_is_required() -> None:
    if os.environ.get("CLAWVM_REQUIRE_EXTENSION", "") not in ("", "0"):
        assert clawvm.backend == "compiled"
