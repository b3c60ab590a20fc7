"""One environment's peer, asked over standard input: `python -m tests.bench.anytime.peers.serve in_NAME`.

One line of JSON a question, one line of JSON an answer:

    {"begin": {...}}                                         null; the fields of `rows.Sweep`
    {"ask": JOB}                                             {"row": P, "epochs": E}; null if nothing is to train
    {"tell": JOB, "epoch": E, "value": V, "over": BOOLEAN}   whether the training goes on
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import sys
from typing import Any

from tests.bench.anytime.peers.rows import Peer, Sweep


def main() -> None:
    """Answer until there are no more questions. What a peer prints goes to standard error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", help="beside this one, of the peer whose environment this is")
    module = parser.parse_args().module
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)
    begin = importlib.import_module(f"tests.bench.anytime.peers.{module}").begin
    peer: Peer | None = None
    for line in sys.stdin:
        question = json.loads(line)
        answer: Any = None
        if "begin" in question:
            peer = begin(Sweep(**question["begin"]))
        elif "ask" in question:
            assert peer
            if work := peer.ask(question["ask"]):
                answer = dict(zip(("row", "epochs"), work, strict=True))
        else:
            assert peer
            answer = peer.tell(question["tell"], question["epoch"], question["value"], question["over"])
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
