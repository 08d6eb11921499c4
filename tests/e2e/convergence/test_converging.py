"""What everybody held before, and what they were told, is what a fresh load shows: for whatever can change.

The idea is that of Zulip's verify_action. Old pages hold the messages of the conversation on their screen, and are told
of new ones only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bridge.actions import ACTIONS
from bridge.feed.changes import OPTIONAL_TABLES, TABLES
from tests.e2e.conftest import RunningBridge
from tests.e2e.convergence import by_actions, by_others
from tests.e2e.convergence.declaring import SEALED, Mutation
from tests.e2e.convergence.replica import View
from tests.e2e.convergence.scene import OLD_PAGES, VIEWERS, Scene, scene_at
from tests.e2e.database import Database

READS = {
    *("load_conversations", "load_more_messages", "load_participants", "load_groups", "load_presence"),
    *("load_conversation_timer", "load_retention", "search_users"),
}
ONES_OWN = {"join_conversation", "leave_conversation", "update_profile"}
"""What is on the screen of one client is nobody else's state, and bio and website are in nothing that is loaded."""

MUTATIONS = (*by_actions.MUTATIONS, *by_others.MUTATIONS)
ACTS = list(dict.fromkeys(one.act for one in MUTATIONS))
PLAYED = [("db1", act) for act in ACTS if act != SEALED] + [("db3", act) for act in (SEALED, "said", "edited")]
"""Of texts in bytes and of sealed copies the last generation decides."""

LISTS = {"conversations", "groups"}
"""What is held whole."""

Difference = tuple[Any, Any]


def differences(held: View, loaded: View) -> dict[str, dict[str, Difference]]:
    """Return by part and id what is held and what is loaded, where they differ; what was not opened is not held."""
    found = {}
    for part, mine in held.items():
        theirs = loaded[part]
        ids = mine.keys() | (theirs.keys() if part in LISTS else set())
        found[part] = {one: (mine.get(one), theirs.get(one)) for one in ids if mine.get(one) != theirs.get(one)}
    return {part: these for part, these in found.items() if these}


def test_whatever_changes_something_is_in_the_table() -> None:
    """Every action and every table that is listened to."""
    by = {one.by for one in MUTATIONS}
    assert by & ACTIONS.keys() == ACTIONS.keys() - READS - ONES_OWN
    assert by - ACTIONS.keys() >= {*TABLES, *OPTIONAL_TABLES}


def test_no_mutation_goes_unnoticed() -> None:
    """Something is told of it, or its not being told is seen in the end."""
    assert all(one.heard or one.untold for one in MUTATIONS)


@pytest.mark.parametrize(("generation", "act"), PLAYED)
async def test_told_is_loaded(bridge: RunningBridge, database: Database, act: str) -> None:
    """For the one who acts, another tab, another member, one who goes, one who comes, and old pages."""
    mutations = [one for one in MUTATIONS if one.act == act]
    async with scene_at(bridge.url, database) as scene:
        for mutation in mutations:
            await played(mutation, scene)
        await nobody_types(scene)
        await scene.settle()
        held = {one: viewer.replica.view() for one, viewer in scene.viewers.items()}
        loaded = await scene.loaded_anew()
        found = {one: differences(held[one], loaded[part]) for one, part in VIEWERS.items()}
        untold = {part for these in found.values() for part in these}
        assert untold == {part for one in mutations for part in one.untold}, "\n".join(told(found))
        assert stale_pages(scene, loaded) == {page for one in mutations for page in one.kept}


async def played(mutation: Mutation, scene: Scene) -> None:
    """Let it happen, and wait until everybody has heard who has to."""
    before = {one: len(viewer.frames) for one, viewer in scene.viewers.items()}
    await mutation.perform(scene)
    for viewer, frame_type in mutation.heard.items():
        await scene.viewers[viewer].heard(frame_type, since=before[viewer])


async def nobody_types(scene: Scene) -> None:
    """Wait until nobody is shown as typing: nothing loads that, it ends by itself."""
    for viewer in scene.viewers.values():
        await viewer.until(lambda v=viewer: not v.replica.typing, "end of typing")  # type: ignore[misc]  # bound
    for store in scene.pages.values():
        await store.page.until(lambda s=store: not s.state.typing_users)  # type: ignore[misc]  # bound


def told(found: Mapping[str, Mapping[str, Mapping[str, Difference]]]) -> list[str]:
    """Return what a reader of a failure wants to know: of rows only the fields that differ."""
    lines = []
    for viewer, parts in found.items():
        for part, these in parts.items():
            lines += [f"{viewer} {part} {one}: {only_differing(*both)}" for one, both in these.items()]
    return lines


def only_differing(held: Any, loaded: Any) -> str:
    """Return what is held and what is loaded."""
    if isinstance(held, dict) and isinstance(loaded, dict):
        fields = [one for one in {**held, **loaded} if held.get(one) != loaded.get(one)]
        return ", ".join(f"{one} held {held.get(one)!r}, loaded {loaded.get(one)!r}" for one in fields)
    return f"held {held!r}, loaded {loaded!r}"


def stale_pages(scene: Scene, loaded: Mapping[str, View]) -> set[str]:
    """Return the old pages on which something else is shown than a load would show."""
    stale = set()
    for name, part in OLD_PAGES.items():
        shown = {one["id"]: one for one in scene.pages[name].state.messages}
        if shown != loaded[part]["messages"].get(scene.room, {}):
            stale.add(name)
    return stale
