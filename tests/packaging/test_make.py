import re
import shutil

import pytest


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_help_lists_every_target(run, root):
    text = (root / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    listed = dict(re.findall(r"^\s*make ([a-z-]+)\s+(\S.*)$", run("make", "help", cwd=root), re.MULTILINE))
    assert listed.keys() == set(phony.split())
    assert {"help", "demo", "test"} <= listed.keys()
    targets = set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))
    assert targets == listed.keys()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_plain_make_is_help(run, root):
    assert run("make", cwd=root) == run("make", "help", cwd=root)
