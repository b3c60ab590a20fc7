"""A training script that knows nothing of steadytune, with whatever habits a test asks for; standard library only."""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    """Train: the accuracy follows from the rate, and a little from chance."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--saves", choices=["before", "after", "never"], default="after")
    parser.add_argument("--save-every", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--forgets", action="store_true", help="resume without the state of the random numbers")
    parser.add_argument("--rewrites", action="store_true", help="write the whole table anew after each epoch")
    parser.add_argument("--crash", type=int, default=0, help="epoch after which it fails")
    parser.add_argument("--says", default="ValueError: bad loss")
    parser.add_argument("--end", type=int, default=0, help="epoch after which it ends by itself")
    parser.add_argument("--stays", action="store_true", help="do not end after the last epoch")
    parser.add_argument("--nan", type=int, default=0, help="epoch from which on all is NaN")
    parser.add_argument("--zero", action="store_true", help="count epochs from 0")
    parser.add_argument("--children", type=Path, help="start processes, and write their numbers there")
    args, _ = parser.parse_known_args()

    rng, first, rows, skill = random.Random(args.seed), 1, [], 0.0
    if args.resume:
        saved = json.loads(args.resume.read_text())
        first, rows, skill = saved["epoch"] + 1, saved["rows"], saved["skill"]
        if not args.forgets:
            version, numbers, gauss = saved["random"]
            rng.setstate((version, tuple(numbers), gauss))
    if args.children:
        start = [sys.executable, "-c", "import time; time.sleep(1000)"]
        children = [subprocess.Popen(start), subprocess.Popen(start, start_new_session=True)]
        args.children.write_text(" ".join(str(child.pid) for child in children) + f" {os.getpid()}")
    args.out.mkdir(parents=True, exist_ok=True)
    table, checkpoint = args.out / "results.csv", args.out / "last.json"
    header = "epoch,train_loss,accuracy\n"
    if not args.resume or not table.exists():
        table.write_text(header)

    def save(epoch: int) -> None:
        if epoch % args.save_every == 0:
            state = {"epoch": epoch, "rows": rows, "skill": skill, "random": rng.getstate()}
            checkpoint.write_text(json.dumps(state))

    for epoch in range(first, args.epochs + 1):
        time.sleep(args.seconds)
        skill += (math.exp(-((math.log10(args.lr) + 2) ** 2)) - skill) / 3 + rng.gauss(0, 0.01)
        lost = args.nan and epoch >= args.nan
        row = f"{epoch - args.zero},{'nan' if lost else 1 - skill},{'nan' if lost else skill}\n"
        rows.append(row)
        if args.saves == "before":
            save(epoch)
        print(f"epoch {epoch} of {args.epochs}: accuracy {skill:.4f}", flush=True)
        if args.rewrites:
            table.write_text(header + "".join(rows))
        else:
            with table.open("a") as file:
                file.write(row)
        if args.saves == "after":
            save(epoch)
        if epoch == args.crash:
            print(args.says, file=sys.stderr)
            sys.exit(3)
        if epoch == args.end:
            return
    while args.stays:
        time.sleep(1)


if __name__ == "__main__":
    main()
