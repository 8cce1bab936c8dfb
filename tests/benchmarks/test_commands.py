"""Every command that a page names is there."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks" / "results").rglob("*.md")]
_COMMAND = re.compile(r"python -m (benchmarks(?:\.\w+)+)")
NAMED = sorted({name for page in PAGES for name in _COMMAND.findall(page.read_text())})


@pytest.mark.parametrize("name", NAMED)
def test_a_command_on_a_page_can_be_run(name):
    found = find_spec(name)
    if found is not None and found.submodule_search_locations is not None:
        found = find_spec(f"{name}.__main__")
    assert found is not None
    assert 'if __name__ == "__main__":' in Path(found.origin).read_text()


def test_pages_name_commands():
    assert len(NAMED) > 20
