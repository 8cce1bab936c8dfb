"""Sphinx settings of the documentation site, which ``build.py`` beside it stages."""

from __future__ import annotations

import re
from typing import Any

from docutils.nodes import SkipNode
from latex2mathml.converter import convert

project = "ssmts"
extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
html_theme = "pydata_sphinx_theme"
html_theme_options = {"navbar_center": [], "navigation_depth": 2, "show_prev_next": False}
html_math_renderer = "mathml"
html_show_sourcelink = False
html_copy_source = False
myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 3
suppress_warnings = [
    "myst.header",  # pages of results begin where their command says
    "toc.not_included",  # pages of results and decisions are reached by links
]
autodoc_typehints = "none"
autosummary_generate = False
numpydoc_show_class_members = False


def setup(app: Any) -> None:
    """Register how formulas are written and which members are left out."""
    app.add_html_math_renderer("mathml", (inline_formula, None), (formula, None))
    app.connect("autodoc-skip-member", is_foreign)


def inline_formula(self: Any, node: Any) -> None:
    """Write a formula within a line as MathML, which browsers draw without a script."""
    self.body.append(convert(node.astext()))
    raise SkipNode


def formula(self: Any, node: Any) -> None:
    """Write a formula on a line of its own."""
    self.body.append(f"<p>{convert(node.astext(), display='block')}</p>")
    raise SkipNode


def is_foreign(app: Any, what: str, name: str, member: Any, skip: bool, options: Any) -> bool | None:
    """Whether a member of a class comes from another library, its descriptors on our classes included."""
    function = getattr(member, "fget", None) or getattr(member, "__func__", member)
    module = getattr(function, "__module__", None) or "ssmts"
    if re.fullmatch(r"set_\w+_request", name) or not str(module).startswith("ssmts"):
        return True
    return None
