"""Entry point of the `reconciler` command."""

from __future__ import annotations

import sys

from reconciler import __version__


def main() -> None:
    """Run the command line."""
    # Asked by scripts and prompts all the time; importing the command line takes longer.
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"reconciler {__version__}\n")
        return
    import gc

    # Nearly all that a manifest becomes is kept to the end: looking for garbage as often as
    # Python does by itself costs a plan of a thousand finetunes 7 % of its time, and finds none.
    gc.set_threshold(50_000, 20, 20)
    from reconciler.cli.main import run_to_the_end

    run_to_the_end(sys.argv[1:])


if __name__ == "__main__":
    main()
