"""Manifests: files to the validated intent, or every mistake in them at once.

files, problems = find_manifests(["finetunes/"], root)
reading = read_manifests(files)
reading.desired, reading.diagnostics
"""

from reconciler.manifests.discovery import ManifestFile, discover_manifests, find_manifests
from reconciler.manifests.reading import Reading, read_manifests

__all__ = ["ManifestFile", "Reading", "discover_manifests", "find_manifests", "read_manifests"]
