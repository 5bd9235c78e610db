"""Build of the one extension module; everything else stands in pyproject.toml.

Environment
-----------
CLAWVM_NO_EXTENSIONS=1  build no extension; the package then runs on its pure Python twin.
CLAWVM_DEBUG=1          all of Cython's checks, C assertions, -O1 -g.
CLAWVM_SANITIZE=1       CLAWVM_DEBUG with AddressSanitizer and UndefinedBehaviorSanitizer.
CLAWVM_COVERAGE=1       CLAWVM_DEBUG with line tracing for coverage's plug-in Cython.Coverage.
CLAWVM_ANNOTATE=1       core.html beside core.pyx: which lines call into Python.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py


def asked(name):
    return os.environ.get(name, "") not in ("", "0")


NO_EXTENSIONS = asked("CLAWVM_NO_EXTENSIONS")
SANITIZE = asked("CLAWVM_SANITIZE")
COVERAGE = asked("CLAWVM_COVERAGE")
DEBUG = asked("CLAWVM_DEBUG") or SANITIZE or COVERAGE

# The file that tells clawvm/_backend.py that the twin is what this installation was made with.
PURE_BUILD = Path("clawvm", "_pure_build")

# overflowcheck stays off: the hot functions are noexcept and could not raise; the sanitizer build
# traps signed overflow, and unsigned arithmetic wraps on purpose.
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": DEBUG,
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
    "cdivision": not DEBUG,
    "freethreading_compatible": True,
    "binding": False,
    "embedsignature": True,
    "embedsignature.format": "clinic",
    "linetrace": COVERAGE,
    "warn.undeclared": True,
    "warn.unused": True,
    "warn.maybe_uninitialized": True,
}


def compile_arguments():
    """Return (compiler flags, linker flags, macros)."""
    if sys.platform == "win32":
        return [], [], [] if DEBUG else [("NDEBUG", None)]
    if not DEBUG:
        return ["-O3", "-g0", "-ffp-contract=off"], [], [("NDEBUG", None)]
    flags = ["-O1", "-g", "-UNDEBUG", "-ffp-contract=off", "-fno-omit-frame-pointer"]
    if SANITIZE:
        sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
        return flags + sanitizers, sanitizers, []
    return flags, [], []


def extensions():
    if NO_EXTENSIONS:
        return []
    from Cython.Build import cythonize

    compiler, linker, macros = compile_arguments()
    if COVERAGE:
        macros += [("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0")]
    core = Extension(
        "clawvm._core",
        ["_core/core.pyx"],
        depends=sorted(str(part) for part in Path("_core").glob("*.pxi")),
        extra_compile_args=compiler,
        extra_link_args=linker,
        define_macros=macros,
    )
    return cythonize(
        [core], compiler_directives=DIRECTIVES, annotate=asked("CLAWVM_ANNOTATE"), force=DEBUG
    )


class BuildPython(build_py):
    """Writes or removes the mark of a pure build, in the source tree and in what is built."""

    def run(self):
        if NO_EXTENSIONS:
            PURE_BUILD.write_text("built with CLAWVM_NO_EXTENSIONS=1\n")
        else:
            PURE_BUILD.unlink(missing_ok=True)
        super().run()
        built = Path(self.build_lib, PURE_BUILD)
        if not NO_EXTENSIONS:
            built.unlink(missing_ok=True)
        elif not self.editable_mode:
            self.copy_file(str(PURE_BUILD), str(built))


class BuildExtensions(build_ext):
    """Removes the mark of a pure build once there is an extension."""

    def run(self):
        super().run()
        if self.extensions:
            PURE_BUILD.unlink(missing_ok=True)


setup(
    ext_modules=extensions(),
    cmdclass={"build_py": BuildPython, "build_ext": BuildExtensions},
)
