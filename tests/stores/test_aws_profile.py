"""Keys that only AWS's shared files have."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.buckets.aws_profile import ProfileError, profile_settings
from tests.cli.conftest import Project, project, serve
from tests.stores.places import SERVERS

__all__ = ["project", "serve"]

CREDENTIALS = """\
[default]
aws_access_key_id = DEFAULT
aws_secret_access_key = hunter2
[prod]
aws_access_key_id=PROD
aws_secret_access_key=hunter2%odd
aws_session_token=token
"""
CONFIG = """\
[default]
region = eu-west-1
[profile prod]
region = us-east-2
[profile sso]
sso_session = x
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text(CREDENTIALS)
    (tmp_path / ".aws/config").write_text(CONFIG)
    return tmp_path


def test_the_profile_in_force_gives_the_keys(home: Path) -> None:
    assert profile_settings({"HOME": str(home)}) == {
        "access_key_id": "DEFAULT",
        "secret_access_key": "hunter2",
        "region": "eu-west-1",
    }
    assert profile_settings({"HOME": str(home), "AWS_PROFILE": "prod"}) == {
        "access_key_id": "PROD",
        "secret_access_key": "hunter2%odd",
        "session_token": "token",
        "region": "us-east-2",
    }


def test_the_environment_is_stronger(home: Path) -> None:
    assert profile_settings({"HOME": str(home), "AWS_ACCESS_KEY_ID": "OWN"}) == {}
    found = profile_settings({"HOME": str(home), "AWS_REGION": "ap-south-1"})
    assert "region" not in found
    moved = home / "elsewhere"
    moved.write_text("[default]\naws_access_key_id=A\naws_secret_access_key=B\n")
    environment = {"HOME": str(home), "AWS_SHARED_CREDENTIALS_FILE": str(moved)}
    assert profile_settings(environment)["access_key_id"] == "A"


@pytest.mark.parametrize("name", ["sso", "nobody"])
def test_a_named_profile_without_keys_is_not_replaced_by_another(home: Path, name: str) -> None:
    with pytest.raises(ProfileError, match=f"the profile {name} has no keys"):
        profile_settings({"HOME": str(home), "AWS_PROFILE": name})


@pytest.mark.parametrize("text", ["no section\n", "[default\n", "[default]\nx\n", "\udcff"])
def test_files_that_are_none_give_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_bytes(text.encode(errors="surrogateescape"))
    assert profile_settings({"HOME": str(tmp_path)}) == {}


def test_a_state_in_a_bucket_by_the_keys_of_a_profile(
    project: Project, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SERVERS["s3"]() as served:
        for name, value in served.environment.items():
            if name not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
                monkeypatch.setenv(name, value)
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("RECONCILER_STATE", "s3://team-state/profile.json")
        project.declare("a")
        project.apply()
        monkeypatch.setenv("AWS_PROFILE", "sso")
        refused = project.run("plan")
    assert refused.code == 1
    assert "R414" in refused.err
    assert "the profile sso has no keys" in " ".join(refused.err.split())
    assert "hunter2" not in refused.err
