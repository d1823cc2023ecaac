"""The small hub of these tests is one: the hub's own client downloads from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from reconciler.model import CONFIG_FILE, WEIGHTS_FILE
from tests.sources.servers import Hub

SCRIPT = """
import sys
from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
for name in sys.argv[2:]:
    url = hf_hub_url("acme/bot", name, revision="main")
    print(get_hf_file_metadata(url).commit_hash, get_hf_file_metadata(url).size)
    print(hf_hub_download("acme/bot", name, revision="main", cache_dir=sys.argv[1]))
"""


def test_the_hubs_own_client_gets_on_with_it(hub: Hub, adapter: Path, tmp_path: Path) -> None:
    commit = hub.commit("acme/bot", adapter)
    names = (CONFIG_FILE, WEIGHTS_FILE)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "cache"), *names],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for number, name in enumerate(names):
        raw = (adapter / name).read_bytes()
        assert lines[2 * number] == f"{commit} {len(raw)}"
        assert Path(lines[2 * number + 1]).read_bytes() == raw
