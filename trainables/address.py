"""Imports the object at an address "module:name", as sweep files and command lines give it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from trainables.errors import SettingsError, nearest


def load(address: str, owner: str) -> Any:
    """The object at `address`, "module:name"; `owner` begins the complaint.

    Raises:
        SettingsError: the module cannot be imported, or has no such name.
    """
    module_name, _, attribute = address.partition(":")
    try:
        module = import_module(module_name)
    except Exception as error:  # a stranger's module may raise anything
        raise SettingsError(f"{owner}: {module_name} cannot be imported ({type(error).__name__}: {error})") from error
    if not hasattr(module, attribute):
        raise SettingsError(f"{owner}: {module_name} has no {attribute!r}; {nearest(attribute, vars(module))}")
    return getattr(module, attribute)
