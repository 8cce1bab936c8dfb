"""Licences of what the core pulls in, as installed here."""

import pytest

from benchmarks.supply_chain.dependencies import Dependency, installed, user_extras


@pytest.fixture(scope="module")
def core():
    return installed()


def test_the_core_binds_nobody_to_copyleft(core):
    assert [(one.name, one.licence) for one in core if not one.is_permissive] == []


def test_what_dependencies_need_is_counted_in(core):
    names = {one.name for one in core}
    assert {"torch", "scikit-learn", "joblib", "sympy", "fsspec", "lightning-utilities"} <= names
    assert not names & {"mlflow", "optuna", "ray", "pytest", "mypy"}


def test_extras_count_when_asked_for(core):
    names = {one.name for one in installed(["optuna"])}
    assert names > {one.name for one in core} | {"optuna", "sqlalchemy"}
    assert {"optuna", "mlflow", "ray"} <= {*user_extras()}
    assert not {"test", "docs"} & {*user_extras()}


@pytest.mark.parametrize(
    ("licence", "permissive"),
    [
        ("BSD-3-Clause", True),
        ("MPL-2.0 AND MIT", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("GNU Lesser General Public License v3 (LGPLv3)", False),
        ("GNU Affero General Public License v3", False),
        ("", False),
    ],
)
def test_what_a_licence_allows(licence, permissive):
    assert Dependency("name", "1", licence).is_permissive is permissive
