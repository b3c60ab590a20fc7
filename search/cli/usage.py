"""What is wrong with a command line itself, verbs, options and their values, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from search.cli.verbs import VERBS
from trainables.errors import hint, nearest

PROGRAM = "steadytune"
ELSEWHERE = {
    **dict.fromkeys(("tune", "sweep", "run", "start"), "launch"),
    **dict.fromkeys(("val", "validate", "test"), "evaluate"),
    **dict.fromkeys(("delete", "remove"), "rm"),
    "list": "ls",
}
"""Verbs of other programs, by ours."""


def sentence(error: Any) -> str:
    """The sentence about an error that Typer raised while it read the command line.

    Typer keeps its classes of errors to itself, so they are told apart by what they carry.
    """
    context = error.ctx
    verb = " ".join([PROGRAM, *_verbs(context)])
    help_ = f"`{verb} --help` shows what it takes"
    parameter = getattr(error, "param", None)
    kind = type(error).__name__
    if kind == "MissingParameter":
        return f"{_name(parameter)} is missing; {help_}"
    if kind == "NoSuchOption":
        near = _near(error.option_name, context) or _settings(context)
        return f"{error.option_name} is no option of `{verb}`; {near}{help_}"
    if kind == "BadParameter" and error.__cause__ is not None:
        from trainables.settings import rule_of  # imports pydantic, which a command line that can be read need not

        detail = error.__cause__.errors()[0]
        return f"{_name(parameter)} is {detail['input']!r}; it {rule_of(detail)}"
    if kind == "BadOptionUsage" and "does not take a value" in error.format_message():
        return f"{error.option_name} takes no value; give it alone, {help_}"
    if kind == "BadOptionUsage":
        return f"{error.option_name} has no value; give it one, {help_}"
    words = error.format_message().rstrip(".")
    if kind == "UsageError" and words.startswith("No such command"):
        name = words.split("'")[1]
        near = f"did you mean {ELSEWHERE[name]!r}? " if name in ELSEWHERE else hint(name, VERBS, "did you mean {!r}? ")
        return f"{name!r} is no verb; {near}`{PROGRAM} --help` says what each verb does"
    if kind == "UsageError" and words.startswith("Got unexpected extra argument"):
        extra = words.partition("(")[2].rpartition("(")[2].rstrip(")")
        return f"{extra} is one argument too many; {_settings(context) if '=' in extra else ''}{help_}"
    return f"{words}; {help_}"


def _verbs(context: Any) -> Sequence[str]:
    return [context.info_name] if context is not None and context.parent is not None else []


def _settings(context: Any) -> str:
    """Where the verb takes them, how settings of the recipe are given, as in --lr0 0.01 or lr0=0.01."""
    has_option = context is not None and any("--set" in parameter.opts for parameter in context.command.params)
    return "a setting of the recipe is given as --set NAME=VALUE; " if has_option else ""


def _name(parameter: Any) -> str:
    """An option or argument as the user writes it."""
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name.upper()).rstrip(".")


def _near(option: str, context: Any) -> str:
    """The closest option, or what an argument such as -1 was meant to be."""
    if option.lstrip("-").isdigit():
        return "trials are counted from 0; "
    options = [name for parameter in context.command.params for name in parameter.opts if name.startswith("--")]
    return nearest(option, options).partition("valid:")[0]
