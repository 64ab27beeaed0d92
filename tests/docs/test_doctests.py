"""Doctests of the codes, the channels and the bench."""

import doctest
import importlib
import pkgutil

import pytest

import netchat.bench
import netchat.channels
import netchat.coding

MODULES = ["netchat.coding", "netchat.channels", "netchat.bench"] + [
    module.name
    for package in (netchat.bench, netchat.channels, netchat.coding)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.endswith(".worker")  # a program
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
