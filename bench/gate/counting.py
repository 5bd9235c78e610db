"""Counts the instructions of a workload with callgrind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.gate.errors import GateError
from bench.gate.judge import Counts

__all__ = ["build_region", "count_workload", "count_workloads", "has_workloads", "why_no_counting"]

HEADER = "valgrind/callgrind.h"
REGION = "callgrind_region"
# Callgrind sees nothing of the set-up: instrumented code runs fifty times as slowly.
REGION_C = f"""\
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <{HEADER}>

static PyObject *begin(PyObject *self, PyObject *none)
{{
    CALLGRIND_START_INSTRUMENTATION;
    Py_RETURN_NONE;
}}

static PyObject *end(PyObject *self, PyObject *none)
{{
    CALLGRIND_STOP_INSTRUMENTATION;
    Py_RETURN_NONE;
}}

static PyObject *collect(PyObject *self, PyObject *callable)
{{
    CALLGRIND_TOGGLE_COLLECT;
    PyObject *result = PyObject_CallNoArgs(callable);
    CALLGRIND_TOGGLE_COLLECT;
    return result;
}}

static PyMethodDef methods[] = {{
    {{"begin", begin, METH_NOARGS, NULL}},
    {{"end", end, METH_NOARGS, NULL}},
    {{"collect", collect, METH_O, NULL}},
    {{NULL, NULL, 0, NULL}},
}};

static struct PyModuleDef module = {{PyModuleDef_HEAD_INIT, "{REGION}", NULL, -1, methods}};

PyMODINIT_FUNC PyInit_{REGION}(void)
{{
    return PyModule_Create(&module);
}}
"""

VALGRIND = (
    "valgrind",
    "--tool=callgrind",
    "--callgrind-out-file=/dev/null",
    "--instr-atstart=no",
    "--collect-atstart=no",
)
# Everything that could make two runs of the same code differ.
STEADY = {
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
INHERITED = ("HOME", "PATH", "TMPDIR", "CC", "CFLAGS", "LDFLAGS", "CLAWVM_TRACES")
COLLECTED = re.compile(r"Collected\s*:\s*(\d+)")
TIMEOUT_S = 300


def compiler() -> str | None:
    """Return the C compiler's name, None where there is none."""
    names = (os.environ.get("CC", "cc"), "gcc")
    return next((name for name in names if shutil.which(name)), None)


def why_no_counting() -> str | None:
    """Return what is missing to count instructions, None where nothing is."""
    if not sys.platform.startswith("linux"):
        return "callgrind is only used on Linux"
    if shutil.which("valgrind") is None:
        return "valgrind is not installed"
    if compiler() is None:
        return "no C compiler is installed"
    return None


def build_region(folder: Path) -> None:
    """Compile the module that tells callgrind where the counted work begins and ends."""
    source = folder / f"{REGION}.c"
    source.write_text(REGION_C)
    library = folder / f"{REGION}{sysconfig.get_config_var('EXT_SUFFIX')}"
    include = sysconfig.get_paths()["include"]
    command = [
        compiler() or "cc",
        "-O2",
        "-shared",
        "-fPIC",
        f"-I{include}",
        str(source),
        "-o",
        str(library),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise GateError(f"{source.name} does not compile; is {HEADER} installed? {done.stderr}")


def environment(checkout: Path) -> dict[str, str]:
    """Return the variables under which the code of a checkout is measured."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**kept, **STEADY, "PYTHONPATH": str(checkout), "CLAWVM_REQUIRE_EXTENSION": "1"}


def has_workloads(checkout: Path) -> bool:
    """Return whether a checkout has a table of workloads."""
    return (checkout / "bench" / "workloads.py").exists()


def names_of(checkout: Path) -> list[str]:
    """Return the names of a checkout's workloads."""
    program = (
        "import clawvm, bench.workloads as found\n"
        "print(clawvm.__file__, clawvm.backend, *found.WORKLOADS, sep='\\n')"
    )
    file, backend, *names = run(checkout, [sys.executable, "-c", program]).stdout.splitlines()
    if not Path(file).is_relative_to(checkout) or backend != "compiled":
        raise GateError(f"{checkout} is to be measured, found {backend} code of {file}")
    return names


def count_workload(checkout: Path, name: str, folder: Path) -> int:
    """Return the instructions of one workload's rounds.

    Parameters
    ----------
    checkout : path
        Sources with the core built in place.
    name : str
        A workload of theirs.
    folder : path
        Where `build_region` was.
    """
    script = Path(__file__).with_name("region.py")
    done = run(checkout, [*VALGRIND, sys.executable, str(script), name, str(folder)])
    found = COLLECTED.search(done.stderr)
    if found is None or not int(found[1]):
        raise GateError(f"callgrind counted nothing of {name} in {checkout}: {done.stderr}")
    return int(found[1])


def count_workloads(checkouts: list[Path], folder: Path) -> list[Counts]:
    """Count all workloads of several checkouts, as many at a time as there are cores.

    Returns
    -------
    list of dict
        Instructions by name for each checkout.
    """
    listed = [names_of(checkout) for checkout in checkouts]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        futures = [
            {name: pool.submit(count_workload, checkout, name, folder) for name in names}
            for checkout, names in zip(checkouts, listed, strict=True)
        ]
        return [{name: count.result() for name, count in found.items()} for found in futures]


def run(checkout: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command on a checkout's code; its failure is a `GateError`."""
    steady = ["setarch", "-R", *command] if shutil.which("setarch") else command
    done = subprocess.run(
        steady,
        cwd=checkout,
        env=environment(checkout),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise GateError(f"{' '.join(command)} failed in {checkout}: {done.stdout}{done.stderr}")
    return done
