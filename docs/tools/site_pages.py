"""A hook of mkdocs: the site's pages are the repository's own, at their own paths, so their links hold in both.

mkdocs takes its pages from one folder. Ours are beside what they describe: README.md, a page in each recipe's folder,
the tables of the benches. So the site is given every Markdown file of the repository and every file that they link to.
The API reference is one page per package, made from the docstrings.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for linters alone: mkdocs runs this file itself
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("search", "trainables", "spaces")
PAGES = ("*.md", "docs/**/*.md", "trainables/*/*.md", "tests/bench/**/*.md", "mlflow/*.md")
LINK = re.compile(r"\]\(([^)#\s]+)")
"""The target of a Markdown link or picture, without its anchor."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Append the API reference to the navigation."""
    assert config.nav is not None
    config.nav.append({"API": [{name: f"api/{name}.md"} for name in api_pages()]})
    return config


def on_startup(**_: Any) -> None:
    """Have an empty module where pixeltable-yolox 0.4.3 announces templates for mkdocstrings that it does not ship."""
    names = ("tool", "tool.doc_plugins", "tool.doc_plugins.mkdocstrings")
    modules = {name: ModuleType(name) for name in names if name not in sys.modules}
    for module in modules.values():
        module.get_templates_path = lambda: Path(tempfile.mkdtemp())  # type: ignore[attr-defined]
    sys.modules.update(modules)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace the files of `docs_dir` by the repository's pages; what comes from the theme stays."""
    from mkdocs.structure.files import File

    for file in list(files):
        if file.src_dir == config.docs_dir:
            files.remove(file)
    for path in sorted(repository_files()):
        files.append(File.generated(config, path.as_posix(), abs_src_path=str(REPOSITORY / path)))
    for name, text in api_pages().items():
        files.append(File.generated(config, f"api/{name}.md", content=text))
    return files


def repository_files() -> set[Path]:
    """The pages, and the files that they link to, by their paths in the repository."""
    pages = {path.relative_to(REPOSITORY) for pattern in PAGES for path in REPOSITORY.glob(pattern)}
    return pages | {target for page in pages for target in linked(page)}


def linked(page: Path) -> Iterator[Path]:
    """The files in the repository that `page` links to."""
    for target in LINK.findall((REPOSITORY / page).read_text(encoding="utf-8")):
        path = (REPOSITORY / page.parent / target).resolve()
        if path.is_file() and path.is_relative_to(REPOSITORY):
            yield path.relative_to(REPOSITORY)


def api_pages() -> dict[str, str]:
    """The pages of the API reference by name: one per package, with a section per module."""
    pages: dict[str, list[str]] = {}
    for package in PACKAGES:
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            module = path.relative_to(REPOSITORY).with_suffix("").parts
            if module[-1] not in ("__init__", "__main__"):
                pages.setdefault(".".join(module[:-1]), []).append(".".join(module))
    return {name: f"# {name}\n\n" + "".join(f"::: {each}\n\n" for each in modules) for name, modules in pages.items()}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to folders, which a site has no page for, lead to the text alone."""
    return re.sub(r"\[([^\]]+)\]\((?!https?:)[^)#]*/\)", r"\1", markdown)
