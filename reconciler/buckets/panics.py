"""A panic of the library, which is no Exception, told as an error of ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.buckets.variables import set_variables
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import project as codes


@contextmanager
def panics_told(scheme: str) -> Iterator[None]:
    """Raise DiagnosticError (R213) where obstore panics; its own words may quote a setting."""
    try:
        yield
    except BaseException as error:
        # Its class belongs to the library and cannot be imported.
        if type(error).__name__ != "PanicException":
            raise
        names = ", ".join(set_variables(scheme, os.environ)) or "what it read"
        raise DiagnosticError(
            codes.MALFORMED_VARIABLE.error(
                f"obstore, the library for {scheme}://, broke down, most likely over one of "
                f"these: {names}.",
                hint="Look for blanks, line breaks and quotes in them, and in the files that they "
                "name. If all is well there, please report it.",
            )
        ) from None
