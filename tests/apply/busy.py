"""A run in which everything happens that an apply can do."""

from __future__ import annotations

from reconciler.cloudflare.outcomes import Refused
from reconciler.diagnostics.codes import cloudflare as api_codes
from reconciler.model import Action
from tests.apply.world import World, actions, lose
from tests.plan.samples import finetune
from tests.state.samples import MISTRAL

CREATED = ("a", "b", "c", "d", "e")
NAMES = (*CREATED, "half", "old", "there")


def busy_world() -> World:
    """One to forget, one to import, one without its files, five to create."""
    world = World()
    world.want("old", finetune("half", files="half"))
    no = api_codes.REQUEST_REFUSED.error("Not now.")
    world.account.upload_reactions.append(Refused(no, fatal=False, sent=True))
    assert world.apply().code == 1
    world.account.add("there", MISTRAL)
    world.unmanaged = {"old", "there"}
    world.want(
        "a",
        finetune("b", files="b"),
        "c",
        "d",
        finetune("e", files="e"),
        finetune("half", files="half"),
        "there",
    )
    world.account.reactions["c"].append(lose)
    world.account.sent.clear()
    world.store.saves = 0
    assert actions(world.plan()) == {
        **dict.fromkeys(CREATED, Action.CREATE),
        "half": Action.UPLOAD,
        "old": Action.FORGET,
        "there": Action.IMPORT,
    }
    return world


def check_end(world: World) -> None:
    """Assert that every create was sent once, and every file is the one that was wanted."""
    assert sorted(world.account.sent) == list(CREATED)
    assert world.account.names == list(NAMES)
    for address, wanted in world.desired.finetunes.items():
        files = world.account.files[world.account.id_of(address.name)]
        expected = wanted.adapter.digests if wanted.adapter else {}
        assert {name: raw.decode() for name, raw in files.items()} == expected
