import re
from pathlib import Path

import pytest

from ssmts import errors

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


@pytest.mark.slow
def test_the_code_on_the_page_runs():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) >= 5
    exec("\n".join(blocks), {})


def test_the_page_names_errors_that_exist():
    named = set(re.findall(r"`(\w+Error)`", PAGE.read_text(encoding="utf-8"))) - {"ValueError", "TypeError"}
    assert named <= set(errors.__all__)
