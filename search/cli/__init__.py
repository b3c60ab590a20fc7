"""The command line: verbs, options and exit codes; the work is done in the other packages."""
