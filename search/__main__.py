"""`python -m search` is `steadytune`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. Its imports take half a second, in which Ctrl-C is no traceback either."""
    try:
        from search.cli.app import main as run
    except KeyboardInterrupt:
        print("steadytune: interrupted", file=sys.stderr)
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
