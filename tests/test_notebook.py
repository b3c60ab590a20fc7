"""The example notebook is a program that runs, and is as long as its page says, beside the same with other tools."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import REPOSITORY

EXAMPLES = REPOSITORY / "docs" / "examples"
PAGE = (REPOSITORY / "docs" / "python.md").read_text(encoding="utf-8")
NOTEBOOK: dict[str, Any] = json.loads((EXAMPLES / "digits.ipynb").read_text(encoding="utf-8"))
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
RUN = """
import ast, sys
names = {"__name__": "__main__"}
for cell in sys.stdin.read().split("\\0"):
    parts = ast.parse(cell).body
    last = parts.pop() if parts and isinstance(parts[-1], ast.Expr) else None
    exec(compile(ast.Module(parts, []), "cell", "exec"), names)
    if last:
        print(repr(eval(compile(ast.Expression(last.value), "cell", "eval"), names))[:200])
"""
"""What a kernel does with a notebook without magics; Jupyter's own would bring twenty packages for this one test."""


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def lines_of(text: str) -> int:
    """Lines of code: no blank ones, no comments, no docstrings."""
    tree = ast.parse(text)
    prose: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            prose |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    numbered = enumerate(text.splitlines(), start=1)
    return sum(
        number not in prose and not line.strip().startswith("#") and bool(line.strip()) for number, line in numbered
    )


def test_it_has_15_cells_and_small_outputs_of_a_run() -> None:
    assert len(NOTEBOOK["cells"]) == 15
    assert [cell["execution_count"] for cell in CODE] == list(range(1, len(CODE) + 1))
    outputs = [output for cell in CODE for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert (EXAMPLES / "digits.ipynb").stat().st_size < 200_000


def test_the_page_counts_the_lines_of_the_same_search_with_each_tool() -> None:
    with_sweep = [line for cell in CODE for line in source(cell).splitlines() if "sweep" in line]
    ours = lines_of((EXAMPLES / "digits.py").read_text(encoding="utf-8")) + len(with_sweep)
    counted = {"steadytune": ours}
    for tool in ("optuna", "wandb"):
        counted[tool] = lines_of((EXAMPLES / f"digits_{tool}.py").read_text(encoding="utf-8"))
    row = f"| lines of code | {counted['steadytune']} | {counted['optuna']} | {counted['wandb']} |"
    assert row in PAGE, row


@pytest.mark.e2e
def test_it_runs_from_data_to_the_best_model(tmp_path: Path) -> None:
    for file in EXAMPLES.glob("digits*.py"):
        shutil.copy(file, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input="\0".join(map(source, CODE)),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{REPOSITORY}", "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "held-out digits are misread" in done.stdout
    assert (tmp_path / "sweeps" / "digits" / "best" / "settings.yaml").is_file()
