"""Where the working folder lies in its repository, as reviews and reports name files."""

from __future__ import annotations

from reconciler.cli.files import current_folder


def working_folder() -> str:
    """Return the working folder from the root of the git repository; "" for the root itself,
    and where there is no repository.
    """
    here = current_folder()
    for folder in (here, *here.parents):
        if (folder / ".git").exists():
            relative = here.relative_to(folder).as_posix()
            return "" if relative == "." else relative
    return ""
