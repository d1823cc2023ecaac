"""Bugs in the local file: what lasts, who may write, who holds the lock."""

from tests.explore.planted.bug import Bug, Edit

_FAULTS = "tests/stores/test_local_faults.py::"
_LOCAL = "tests/stores/test_local.py::"
_STATE_FILES = "tests/cli/test_state_files.py::"
_SYNCS = f"{_FAULTS}test_a_save_without_faults_syncs_the_file_before_its_name"
_FOLDER = (
    f"{_FAULTS}test_row_36_a_fault_at_the_sync_of_the_folder_is_told_though_the_new_state_is_there"
)
_POWER_CUTS = "tests/explore/test_power_cuts.py::test_rows_1_to_6_the_power_is_cut"
_NOT_WRITTEN = "tests/explore/test_io_faults.py::test_row_36_the_intent_cannot_be_written"

BUGS = (
    Bug(
        "no fsync of the file",
        (_SYNCS, _POWER_CUTS),
        (
            Edit(
                "stores/durable.py",
                "        _write(descriptor, raw)\n        os.fsync(descriptor)\n",
                "        _write(descriptor, raw)\n",
            ),
        ),
    ),
    Bug(
        "no fsync of the folder",
        (
            _SYNCS,
            _FOLDER,
            _POWER_CUTS,
        ),
        (
            Edit(
                "stores/durable.py",
                "    temporary.rename(path)\n    sync_folder(path.parent)\n",
                "    temporary.rename(path)\n",
            ),
        ),
    ),
    Bug(
        "the state is truncated in place",
        (_SYNCS, f"{_FAULTS}test_row_38_a_rename_that_fails_leaves_the_old_state"),
        (
            Edit(
                "stores/local.py",
                "            put_in_place(temporary, self._path)\n",
                "            self._path.write_bytes(temporary.read_bytes())\n"
                "            temporary.unlink()\n",
            ),
        ),
    ),
    Bug(
        "a short write passes for a whole one",
        (f"{_FAULTS}test_row_39_a_write_that_wrote_less_than_it_says_leaves_the_old_state",),
        (
            Edit(
                "stores/durable.py",
                "if os.fstat(descriptor).st_size != len(raw):",
                "if False:",
            ),
        ),
    ),
    Bug(
        "what the system says at a save is an internal error",
        (_NOT_WRITTEN,),
        (
            Edit(
                "stores/local.py",
                "            write_new(temporary, raw)\n        except OSError as error:\n",
                "            write_new(temporary, raw)\n        except EOFError as error:\n",
            ),
        ),
    ),
    Bug(
        "an fsync that failed is tried again",
        (f"{_FAULTS}test_row_40_an_fsync_that_failed_is_not_tried_again",),
        (
            Edit(
                "stores/durable.py",
                "        _write(descriptor, raw)\n        os.fsync(descriptor)\n",
                "        _write(descriptor, raw)\n        try:\n"
                "            os.fsync(descriptor)\n        except OSError:\n"
                "            os.fsync(descriptor)\n",
            ),
        ),
    ),
    Bug(
        "no compare-and-swap",
        ("tests/stores/test_conformance.py::TestFile::test_a_lost_update_is_refused",),
        (
            Edit(
                "stores/local.py",
                'if (version_of(old) if old is not None else "") != expected:',
                "if False:",
            ),
        ),
    ),
    Bug(
        "two may replace one version at once",
        (f"{_LOCAL}test_who_saves_without_the_lock_while_another_does_is_refused",),
        (
            Edit(
                "stores/local.py",
                "        except FileExistsError as error:\n"
                "            raise DiagnosticError(self._being_saved()) from error\n",
                "        except FileExistsError:\n            pass\n",
            ),
        ),
    ),
    Bug(
        "the lock file is removed when the lock is let go",
        (f"{_LOCAL}test_the_lock_file_stays_and_names_nobody_afterwards",),
        (
            Edit(
                "stores/file_lock.py",
                "            os.ftruncate(self._descriptor, 0)\n        close(self._descriptor)\n",
                "            self._path.unlink()\n        close(self._descriptor)\n",
            ),
        ),
    ),
    Bug(
        "a lock on a file that was removed meanwhile counts",
        (f"{_FAULTS}test_row_49_a_file_that_was_removed_before_it_was_locked_does_not_count",),
        (
            Edit(
                "stores/file_lock.py",
                "                if _is_same_file(descriptor, self._path):\n",
                "                if True:\n",
            ),
        ),
    ),
    Bug(
        "where the file system cannot lock it goes on without",
        (f"{_FAULTS}test_row_50_a_file_system_that_cannot_lock_is_refused",),
        (
            Edit(
                "stores/file_lock.py",
                "                close(descriptor)\n"
                "                raise DiagnosticError(self._unsupported(error)) from error\n",
                "                return descriptor\n",
            ),
        ),
    ),
    Bug(
        "the state can be read by everybody",
        (f"{_FAULTS}test_row_44_files_are_private_under_any_umask",),
        (
            Edit(
                "stores/durable.py",
                "0o600)\n    try:\n        let_owner_use(descriptor)\n        _write",
                "0o644)\n    try:\n        let_owner_use(descriptor)\n        _write",
            ),
        ),
    ),
    Bug(
        "a umask takes the state from its owner",
        (
            f"{_FAULTS}test_row_44_files_are_private_under_any_umask",
            f"{_STATE_FILES}test_row_44_files_are_of_use_under_a_umask_that_takes_them_from_their_owner",
        ),
        (
            Edit(
                "stores/durable.py",
                "        os.fchmod(descriptor, 0o600)\n",
                "        pass\n",
            ),
        ),
    ),
)
