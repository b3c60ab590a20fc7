"""`python -m search` is `steadytune`."""

from search.cli import main

main()
