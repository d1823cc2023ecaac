"""Where adapters live when that is no folder of the project, and how their files get here.

sources = Sources(os.environ)
source = sources.open(SourceAddress.parse("hf://acme/support-bot@main"))
with Fetcher(cache, limits, bandwidth, stop) as fetcher:
    fetched = fetcher.fetch(source, "adapter_config.json", sha256, on_progress)

What is fetched is bounded while it streams, and is what its pin says or nothing at all.
"""

from reconciler.sources.bandwidth import Bandwidth
from reconciler.sources.cache import Cache, CachedFile
from reconciler.sources.fetching import Fetcher
from reconciler.sources.inspecting import inspect_fetched, inspect_source
from reconciler.sources.opening import Sources
from reconciler.sources.pinning import find_pins
from reconciler.sources.source import Source, StoppedError

__all__ = [
    "Bandwidth",
    "Cache",
    "CachedFile",
    "Fetcher",
    "Source",
    "Sources",
    "StoppedError",
    "find_pins",
    "inspect_fetched",
    "inspect_source",
]
