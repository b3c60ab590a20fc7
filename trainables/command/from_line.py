"""A sweep file from a command line that works: `steadytune init -- python train.py --lr 1e-3 --batch 16`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainables.command.program import INTERPRETER, SCRIPT
from trainables.settings import parse_value

EPOCHS = {"epochs", "epoch", "num_epochs", "max_epochs", "n_epochs", "num_train_epochs", "trainer.max_epochs"}
SEED = {"seed", "random_seed", "manual_seed"}
DATA = {"data", "data_dir", "data_path", "dataset", "dataset_dir", "data_root", "train_dir"}
RUN_DIR = {
    *("out", "output", "output_dir", "out_dir", "save_dir", "log_dir", "logdir", "project", "run_dir", "work_dir"),
    *("default_root_dir", "results_dir", "exp_dir", "checkpoint_dir", "hydra.run.dir"),
}
RESUME = {"resume", "resume_from", "resume_from_checkpoint", "ckpt_path"}
NOT_VARIED = re.compile(
    r"worker|thread|gpu|device|nproc|port$|rank|freq|interval|verbose|num_classes|world|node|imgsz|image_size|img_size"
)
"""In names of numbers that say how a training runs, not what it is."""
LAUNCHER = re.compile(r"torch\.distributed\.(run|launch)|accelerate\.commands\.launch|deepspeed\.launcher\.runner")
"""Modules that run a script, whose name follows after options of theirs."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


@dataclass
class Guess:
    """What was found in a command line."""

    command: list[str] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    epochs: str = ""
    data: str = ""
    resume: str = ""
    style: str = "--{name}={value}"
    has_run_dir: bool = False


def guess(words: Sequence[str]) -> Guess:
    """The placeholders and parameters of a command line; what is neither stays as it is.

    What stands before the script is for the program that runs it, such as how many processes there are.
    """
    index = _first_argument(words)
    guessed = Guess(command=list(words[:index]))
    position: int | None = None
    while index < len(words):
        word, following = words[index], words[index + 1] if index + 1 < len(words) else None
        match = re.fullmatch(r"(-{0,2})([A-Za-z][\w./-]*)=(.*)", word)
        is_flag = word.startswith("-") and not _NUMBER.fullmatch(word)
        if match:
            flag, name, value, step = match[1], match[2], match[3], 1
            written = f"{flag}{name}="
        elif is_flag and following is not None and (not following.startswith("-") or _NUMBER.fullmatch(following)):
            flag, name, value, step = re.match("-*", word)[0], word.lstrip("-"), following, 2  # type: ignore[index]
            written = ""
        else:
            guessed.command.append(word)
            index += 1
            continue
        index += step
        placeholder = _placeholder(guessed, name, value, word if step == 2 else f"{flag}{name}")
        if placeholder is not None:
            if placeholder:
                guessed.command += [word, placeholder] if step == 2 else [f"{written}{placeholder}"]
            continue
        span = _span(name, value)
        if span is None or not re.fullmatch(r"[A-Za-z][\w./-]*", name):
            guessed.command += words[index - step : index]
            continue
        style = f"{flag}{{name}} {{value}}" if step == 2 else f"{flag}{{name}}={{value}}"
        if position is None:
            position, guessed.style = len(guessed.command), style
            guessed.command.append("${args}")
        guessed.parameters[name] = span if style == guessed.style else span[:-1] + f', args: "{style}"}}'
    return guessed


def _first_argument(words: Sequence[str]) -> int:
    """Where the arguments of a script begin, or of a module after -m; 0 if the line names neither."""
    is_run = False
    for index, word in enumerate(words):
        is_run = is_run or INTERPRETER.fullmatch(Path(word).name) is not None
        if is_run and word in ("-m", "--module") and not LAUNCHER.fullmatch("".join(words[index + 1 : index + 2])):
            return min(index + 2, len(words))
        if SCRIPT.fullmatch(word) and not word.startswith("-") and "=" not in word:
            return index + 1
    return 0


def _placeholder(guessed: Guess, name: str, value: str, flag: str) -> str | None:
    """What takes the value's place; "" if the argument is left out, None if it has no such meaning."""
    plain = name.replace("-", "_").lower()
    if plain in EPOCHS and value.isdigit():
        guessed.epochs = value
        return "${epochs}"
    if plain in SEED:
        return "${seed}"
    if plain in RUN_DIR:
        guessed.has_run_dir = True
        return "${run_dir}"
    if plain in RESUME:
        guessed.resume = flag
        return ""
    if plain in DATA:
        guessed.data = value
        return "${data}"
    return None


def _span(name: str, value: str) -> str | None:
    """The parameter that an argument becomes; None if it is not varied."""
    if value.lower() in ("true", "false"):
        return f"{{choices: [true, false], default: {value.lower()}}}"
    if not _NUMBER.fullmatch(value) or NOT_VARIED.search(name.replace("-", "_").lower()):
        return None
    number = float(value)
    if number <= 0:
        return None
    if value.isdigit():
        count = int(value)
        if "batch" in name:
            return f"{{choices: [{max(1, count // 2)}, {count}, {2 * count}], default: {count}}}"
        return f"{{low: {max(1, count // 4)}, high: {4 * count}, log: true, default: {count}}}"
    if 0.5 <= number < 1:  # a momentum, say: as far from 1 as from 0 in factors
        low, high = max(0.0, 1 - 5 * (1 - number)), 1 - (1 - number) / 5
        return f"{{low: {_point(low)}, high: {_point(high)}, default: {value}}}"
    return f"{{low: {number / 10:.4g}, high: {_point(number * 10)}, log: true, default: {_point(number)}}}"


def _point(number: float) -> str:
    text = f"{number:.6g}"
    return text if any(sign in text for sign in ".e") else f"{text}.0"


def sweep_file(words: Sequence[str]) -> tuple[str, list[str]]:
    """The text of a sweep file for a command line, and what is left to do, a sentence each."""
    guessed = guess(words)
    todo = ["metric: say where the script writes its epochs, and which number of them counts"]
    if not guessed.has_run_dir:
        todo.append("command: tell the script to write below ${run_dir}, the trial's own folder")
    if not guessed.epochs:
        todo.append("epochs: say how many a training has, and pass ${epochs} to the script")
    if not guessed.parameters:
        guessed.command.append("${args}")
        todo.append("parameters: say what may vary, and put ${args} where it belongs in the command")
    flag = guessed.resume or "--resume"
    lines = [
        "# Written by `steadytune init` from a command line; look for TODO, then: steadytune check THIS --probe",
        "recipe: command",
        f"command: [{', '.join(map(_yaml, guessed.command))}]",
        f"args: {json.dumps(guessed.style)}",
        "parameters:",
        *(f"  {name}: {span}" for name, span in guessed.parameters.items()),
        *([] if guessed.parameters else ["  lr: {low: 1e-5, high: 1e-1, log: true, default: 1e-3}  # TODO"]),
        f"epochs: {guessed.epochs or '10  # TODO'}",
        "metric:",
        "  name: accuracy  # TODO: a column of the file below",
        "  mode: max",
        '  source: {csv: "${run_dir}/results.csv"}  # TODO: or jsonl, stdout, tensorboard … (docs/own-script.md)',
        "  # losses: [train_loss]  # lets the stop rules see a training that diverges",
        "# A script that writes checkpoints and can resume is paused and promoted rather than stopped:",
        f'# checkpoint: {{path: "${{run_dir}}/last.pt", resume: [{_yaml(flag)}, "${{checkpoint}}"]}}',
        *([f"data: {_yaml(guessed.data)}"] if guessed.data else []),
        "trials: 30",
    ]
    return "\n".join(lines) + "\n", todo


def _yaml(word: str) -> str:
    """`word` as an element of a list in YAML: in quotes unless it is read as the same text without them."""
    is_plain = re.fullmatch(r"[A-Za-z_./-][\w./-]*", word) and parse_value(f"[{word}]", "word") == [word]
    return word if is_plain else json.dumps(word, ensure_ascii=False)
