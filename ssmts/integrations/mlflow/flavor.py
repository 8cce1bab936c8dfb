"""Saving, logging and loading estimators as MLflow models."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from mlflow import pyfunc
from mlflow.models import Model
from mlflow.models.model import MLMODEL_FILE_NAME
from mlflow.models.utils import _save_example
from mlflow.tracking.artifact_utils import _download_artifact_from_uri
from mlflow.utils.environment import (
    _CONDA_ENV_FILE_NAME,
    _CONSTRAINTS_FILE_NAME,
    _PYTHON_ENV_FILE_NAME,
    _REQUIREMENTS_FILE_NAME,
    _mlflow_conda_env,
    _process_conda_env,
    _process_pip_requirements,
    _PythonEnv,
    _validate_env_arguments,
)
from mlflow.utils.file_utils import get_total_file_size
from mlflow.utils.model_utils import (
    _add_code_from_conf_to_system_path,
    _get_flavor_configuration,
    _validate_and_copy_code_paths,
    _validate_and_prepare_target_save_path,
)
from mlflow.utils.requirements_utils import _get_pinned_requirement

import ssmts
from ssmts.estimators import SSMForecaster
from ssmts.integrations.mlflow.pyfunc import ForecasterPyfunc
from ssmts.integrations.mlflow.pyfunc_cases import CasesPyfunc
from ssmts.integrations.mlflow.signature import example_of, signature_of

__all__ = [
    "FLAVOR_NAME",
    "get_default_conda_env",
    "get_default_pip_requirements",
    "load_model",
    "log_model",
    "save_model",
]

FLAVOR_NAME = "ssmts"
MODEL_FILE = "model.safetensors"
_LOADER = "ssmts.integrations.mlflow"
# What predictions run through; the rest of the dependencies comes with ssmts.
_PINNED = ("torch", "numpy", "pandas", "scikit-learn", "narwhals", "safetensors")


def get_default_pip_requirements() -> list[str]:
    """What a saved model needs, pinned to the versions that are installed.

    Builds of one version for other devices (``torch==2.13.0+cpu``) are that version: a model that was logged
    beside a GPU loads without one.
    """
    pinned = [_get_pinned_requirement(name).partition("+")[0] for name in _PINNED]
    return [f"ssmts=={ssmts.__version__}", *pinned]


def get_default_conda_env() -> dict[str, Any]:
    """The same as a conda environment."""
    env: dict[str, Any] = _mlflow_conda_env(additional_pip_deps=get_default_pip_requirements())
    return env


def save_model(
    ssm_model: Any,
    path: str | os.PathLike[str],
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    mlflow_model: Any = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: dict[str, Any] | None = None,
) -> None:
    """Save a fitted estimator as an MLflow model: one safetensors file beside MLflow's own.

    Parameters
    ----------
    ssm_model : forecaster, classifier or regressor
        Fitted.
    path : path-like
        A folder that does not exist or is empty.
    conda_env, pip_requirements, extra_pip_requirements : optional
        Environment, as for MLflow's own flavors; by default the installed versions of what a forecast needs.
    code_paths : list of str, optional
        Python files to put beside the model.
    mlflow_model : mlflow.models.Model, optional
        The model that the flavor is added to.
    signature : mlflow.models.ModelSignature or False, optional
        By default what fit saw, with the parameters of `predict`; False: none.
    input_example : frame, array or False, optional
        By default the end of a forecaster's training data, if it keeps it (`store_tail`); False: none.
    metadata : dict, optional
        For the MLmodel file.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        Before fit.
    """
    _ = ssm_model.fitted_  # an error before fit
    _validate_env_arguments(conda_env, pip_requirements, extra_pip_requirements)
    folder = Path(path).absolute()
    _validate_and_prepare_target_save_path(str(folder))
    code = _validate_and_copy_code_paths(code_paths, str(folder))
    if mlflow_model is None:
        mlflow_model = Model()
    if signature is None:
        signature = signature_of(ssm_model)
    if signature is not False:
        mlflow_model.signature = signature
    if input_example is None:
        input_example = example_of(ssm_model)
    if input_example is not None and input_example is not False:
        _save_example(mlflow_model, input_example, str(folder))
    if metadata is not None:
        mlflow_model.metadata = metadata
    ssm_model.save(folder / MODEL_FILE)
    pyfunc.add_to_model(
        mlflow_model,
        loader_module=_LOADER,
        data=MODEL_FILE,
        conda_env=_CONDA_ENV_FILE_NAME,
        python_env=_PYTHON_ENV_FILE_NAME,
        code=code,
    )
    mlflow_model.add_flavor(
        FLAVOR_NAME,
        ssmts_version=ssmts.__version__,
        model_class=type(ssm_model).__name__,
        data=MODEL_FILE,
        code=code,
    )
    mlflow_model.model_size_bytes = get_total_file_size(str(folder))
    mlflow_model.save(str(folder / MLMODEL_FILE_NAME))
    _write_environment(folder, conda_env, pip_requirements, extra_pip_requirements)


def _write_environment(folder: Path, conda_env: Any, requirements: Any, extra: Any) -> None:
    """The files that MLflow rebuilds an environment from."""
    if conda_env is None:
        default = get_default_pip_requirements() if requirements is None else None
        conda_env, requirements, constraints = _process_pip_requirements(default, requirements, extra)
    else:
        conda_env, requirements, constraints = _process_conda_env(conda_env)
    text = yaml.safe_dump(conda_env, default_flow_style=False)
    (folder / _CONDA_ENV_FILE_NAME).write_text(text, encoding="utf-8")
    if constraints:
        (folder / _CONSTRAINTS_FILE_NAME).write_text("\n".join(constraints), encoding="utf-8")
    (folder / _REQUIREMENTS_FILE_NAME).write_text("\n".join(requirements), encoding="utf-8")
    _PythonEnv.current().to_yaml(str(folder / _PYTHON_ENV_FILE_NAME))


def log_model(
    ssm_model: Any,
    name: str | None = None,
    *,
    registered_model_name: str | None = None,
    **options: Any,
) -> Any:
    """Log a fitted estimator to the active run (or a new one), and register it if a name is given.

    Parameters
    ----------
    ssm_model : forecaster, classifier or regressor
        Fitted.
    name : str, optional
        Of the logged model.
    registered_model_name : str, optional
        Make a version under this name in the registry.
    **options
        Of :func:`save_model`, and of ``mlflow.models.Model.log`` (``tags``, ``params``, ``step``,
        ``model_id``, ``await_registration_for``, ...).

    Returns
    -------
    mlflow.models.model.ModelInfo
    """
    return Model.log(
        artifact_path=None,
        name=name,
        flavor=import_module(_LOADER),
        registered_model_name=registered_model_name,
        ssm_model=ssm_model,
        **options,
    )


def _load_pyfunc(path: str | os.PathLike[str]) -> ForecasterPyfunc | CasesPyfunc:
    """What ``mlflow.pyfunc.load_model`` calls: the model in a file, or in a folder, behind pyfunc's face."""
    path = Path(path)
    model = ssmts.load(path / MODEL_FILE if path.is_dir() else path)
    return ForecasterPyfunc(model) if isinstance(model, SSMForecaster) else CasesPyfunc(model)


def load_model(model_uri: str, dst_path: str | None = None) -> Any:
    """Load a logged or registered estimator; its deep branch is on the CPU, wherever it was trained.

    Parameters
    ----------
    model_uri : str
        ``models:/name@alias``, ``models:/name/1``, ``runs:/...``, a model id's URI or a folder.
    dst_path : str, optional
        Where to download it.

    Returns
    -------
    The fitted estimator.

    Raises
    ------
    ModelFileError
        If the file was damaged.
    mlflow.exceptions.MlflowException
        If there is no such model, or it has no ssmts flavor.
    """
    folder = _download_artifact_from_uri(artifact_uri=model_uri, output_path=dst_path)
    flavor = _get_flavor_configuration(model_path=folder, flavor_name=FLAVOR_NAME)
    _add_code_from_conf_to_system_path(folder, flavor)
    return ssmts.load(Path(folder) / flavor["data"])
