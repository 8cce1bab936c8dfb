"""What goes wrong in one line, with an exit code."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import click

__all__ = ["EXIT_DATA", "EXIT_UNEXPECTED", "OneLineGroup"]

EXIT_DATA, EXIT_UNEXPECTED, _EXIT_INTERRUPTED = 1, 3, 130  # 2 is click's: the command line itself is wrong


class OneLineGroup(click.Group):
    """A group whose commands fail with one line on stderr; ``--traceback`` shows the rest."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; see :class:`click.Group`."""
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.showwarning = _show_warning  # type: ignore[assignment]
            try:
                return super().invoke(ctx)
            except (click.ClickException, click.exceptions.Exit, click.Abort):
                raise
            except KeyboardInterrupt:
                self._stop(ctx, "interrupted", _EXIT_INTERRUPTED)
            except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
                sys.stderr.close()
                ctx.exit(0)
            except Exception as error:
                if ctx.params.get("traceback"):
                    raise
                expected = _is_expected(error)
                text = " ".join(str(error).split())
                if not expected:
                    text = f"unexpected {type(error).__name__}: {text} (ssmts --traceback ... shows where)"
                self._stop(ctx, text, EXIT_DATA if expected else EXIT_UNEXPECTED)

    def _stop(self, ctx: click.Context, text: str, code: int) -> None:
        click.echo(f"ssmts: error: {text}", err=True)
        ctx.exit(code)


def _is_expected(error: Exception) -> bool:
    """Whether the data, a file or a missing package is at fault, and the message says so."""
    from ssmts.errors import SSMTSError

    return isinstance(error, SSMTSError | OSError | ImportError)


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *rest: Any
) -> None:
    click.echo(f"ssmts: warning: {' '.join(str(message).split())}", err=True)
