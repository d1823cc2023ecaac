"""Small file systems of one's own that can lose their power: ext4 in three modes, and xfs."""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.explore.blows import cut_power

_CLONE_NEWNS = 0x00020000
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system to make. options: how it is mounted; megabytes: the least that it takes."""

    kind: str
    options: str
    megabytes: int

    def __str__(self) -> str:
        return f"{self.kind}, {self.options}"


DISKS = (
    Disk("ext4", "data=ordered", 16),
    Disk("ext4", "data=journal", 16),
    Disk("ext4", "data=writeback", 16),
    # The least that mkfs.xfs makes; what is not written takes no room.
    Disk("xfs", "defaults", 300),
)


class DriveError(Exception):
    """This machine does not let such a file system be made and mounted; the text says why."""


class Drive:
    """A mounted image. folder: the mount point."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._room = Path(tempfile.mkdtemp(prefix="explore-drive-"))
        self._image = self._room / "image"
        self.folder = self._room / "mount"
        self.folder.mkdir()
        self._is_mounted = False
        atexit.register(self.close)
        with self._image.open("wb") as file:
            file.truncate(disk.megabytes << 20)
        _call(f"mkfs.{disk.kind}", "-q", str(self._image))
        self._mount()

    def remount(self) -> None:
        """Begin anew with what the disk has: nothing is in memory any more."""
        self._unmount()
        self._mount()

    def close(self) -> None:
        atexit.unregister(self.close)
        if self._is_mounted:
            self._unmount()
        shutil.rmtree(self._room)

    def _mount(self) -> None:
        options = f"loop,{self._disk.options}"
        _call("mount", "-t", self._disk.kind, "-o", options, str(self._image), str(self.folder))
        self._is_mounted = True

    def _unmount(self) -> None:
        expires = time.monotonic() + _PATIENCE
        while True:
            try:
                _call("umount", str(self.folder))
                self._is_mounted = False
                return
            except DriveError:
                # A process that was just killed may be a moment in letting go.
                if time.monotonic() > expires:
                    raise
                time.sleep(0.01)


@cache
def this_drive(disk: Disk) -> Drive:
    """One of each kind for each process. Its mounts end with the process, however it ends."""
    _seclude()
    return Drive(disk)


def usable_disks() -> tuple[list[Disk], list[str]]:
    """Tell which can be used here, and why the others cannot."""
    usable, reasons = [], []
    for disk in DISKS:
        try:
            drive = Drive(disk)
            try:
                cut_power(str(drive.folder), 2)
            finally:
                drive.close()
        except (DriveError, OSError) as error:
            reasons.append(f"{disk}: {error}")
        else:
            usable.append(disk)
    return usable, reasons


@cache
def _seclude() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) != 0:
        raise DriveError(f"unshare: {os.strerror(ctypes.get_errno())}")
    _call("mount", "--make-rprivate", "/")


def _call(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise DriveError(f"{command[0]} is not installed") from error
    if done.returncode:
        # Without the path, which is another one each time, and without further advice.
        reason = done.stderr.strip().split("\n")[0].rpartition(": ")[2]
        raise DriveError(f"{command[0]}: {reason}")
