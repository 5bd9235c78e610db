"""The stub of the compiled core against the module itself and against the twin."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import clawvm
from clawvm import _reference


def stub_names():
    """Return the stub's module names and, by class, its methods with their argument names."""
    tree = ast.parse(Path(clawvm.__file__).with_name("_core.pyi").read_text(encoding="utf-8"))
    names, classes = set(), {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names.add(node.name)
            classes[node.name] = {
                item.name: arguments(item)
                for item in node.body
                if isinstance(item, ast.FunctionDef)
            }
    return names, classes


def arguments(function):
    marks = [mark.id for mark in function.decorator_list if isinstance(mark, ast.Name)]
    if "property" in marks:
        return "property"
    given = function.args
    # A class method is bound when it is looked up.
    named = given.args[1:] if "classmethod" in marks else given.args
    return ([one.arg for one in named], [one.arg for one in given.kwonlyargs])


def described(method):
    if isinstance(method, property) or inspect.isdatadescriptor(method):
        return "property"
    parameters = inspect.signature(method).parameters.values()
    positional = [one.name for one in parameters if one.kind is not one.KEYWORD_ONLY]
    return positional, [one.name for one in parameters if one.kind is one.KEYWORD_ONLY]


def test_stub_and_twin_have_the_same_public_names():
    assert stub_names()[0] == set(_reference.__all__)


def test_stub_and_module_have_the_same_public_names(backends):
    compiled, _ = backends
    public = {
        name
        for name, value in vars(compiled).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public == stub_names()[0]


@pytest.mark.parametrize("name", list(stub_names()[1]["PageTable"]))
def test_a_method_has_the_same_arguments_everywhere(core, name):
    stubbed = stub_names()[1]["PageTable"][name]
    if name in ("__init__", "__contains__") and core is not _reference:
        pytest.skip("C slots have no signature of their own")
    assert described(getattr(core.PageTable, name)) == stubbed


def test_the_twin_has_no_public_method_that_the_stub_lacks(core):
    public = {name for name in dir(core.PageTable) if not name.startswith("_")}
    assert public == {name for name in stub_names()[1]["PageTable"] if not name.startswith("_")}


def test_a_selection_has_the_same_attributes_everywhere(core, put):
    table = core.PageTable()
    put(table, "a")
    plan = table.select(100, 0)
    for name in stub_names()[1]["Selection"]:
        assert hasattr(plan, name)
