"""How trials are chosen, run, stopped, recorded and exported.

The three packages are imported by their folders' names. `spaces` is also the name of an unrelated package on the
index, so importing this one checks that its neighbours are ours: a wrong neighbour must not fail later and darkly.
"""

from importlib.util import find_spec
from pathlib import Path

for _name in ("trainables", "spaces"):
    _spec = find_spec(_name)
    _folders = list(_spec.submodule_search_locations or []) if _spec else []
    if not any((Path(_folder) / "STEADYTUNE").is_file() for _folder in _folders):
        raise ImportError(
            f"steadytune needs its own package {_name!r} but found {_folders or 'none'}; run `python -m search` from "
            f"the checkout, or uninstall the package that took the name {_name!r}"
        )
