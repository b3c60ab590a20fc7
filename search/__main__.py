"""`python -m search` is `steadytune`."""

from search.cli.app import main

main()
