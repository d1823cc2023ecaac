"""Writing the user's files: what cannot be written is an error with a place, never a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import project as codes
from reconciler.stores.durable import make_usable_folder, touch_new

SANDBOX_FOLDER = ".reconciler"
SANDBOX_STATE = f"{SANDBOX_FOLDER}/sandbox.state.json"


def current_folder() -> Path:
    """Return the working folder; DiagnosticError (R201) where it was removed meanwhile."""
    try:
        return Path.cwd()
    except OSError as error:
        raise DiagnosticError(
            codes.INVALID_USAGE.error(
                f"The working folder is gone: {error.strerror or error}.",
                hint="Go to the project's folder as it is now (cd), or name it with -C/--chdir.",
            )
        ) from error


@contextmanager
def writing(path: Path, hint: str = "") -> Iterator[None]:
    """Turn what the system refuses into DiagnosticError (R209)."""
    try:
        yield
    except OSError as error:
        raise DiagnosticError(
            codes.CANNOT_WRITE.error(
                f"Cannot write {path}: {error.strerror or error}.",
                hint=hint or "Check who owns the folder, its permissions, and the room left.",
            )
        ) from error


def write_file(path: Path, text: str, *, private: bool = False, hint: str = "") -> None:
    """Write a file and the folders that lead to it; private: readable by its owner alone."""
    with writing(path, hint):
        path.parent.mkdir(parents=True, exist_ok=True)
        if private:
            with suppress(FileExistsError):
                touch_new(path)
            # A link may lead to what is not there yet.
            path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")


def make_private_folder(folder: Path) -> Path:
    """Make the folder for what is kept locally; git ignores all of it but the schemas."""
    ignore = folder / ".gitignore"
    with writing(folder):
        with suppress(FileExistsError):
            make_usable_folder(folder, 0o700)
        if not ignore.exists():
            ignore.write_text("*\n!.gitignore\n!schemas/\n!schemas/**\n", encoding="utf-8")
    return folder
