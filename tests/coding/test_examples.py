"""The examples in the docstrings of codes, channels and bench are true."""

import doctest
import importlib
import pkgutil

import pytest

import netchat.bench
import netchat.channels
import netchat.coding

MODULES = [
    f"{package.__name__}.{module.name}"
    for package in (netchat.bench, netchat.channels, netchat.coding)
    for module in pkgutil.iter_modules(package.__path__)
    if module.name != "worker"  # a program
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
