"""A session that is saved and restored goes on as if it had never stopped."""

from __future__ import annotations

import copy
import random

import pytest
from session_driver import Driver, count

from clawvm import Session
from clawvm.session.saved import changes_of, restore_parts, settle, whole_of
from clawvm.snapshot import StateDelta, apply

SESSIONS = 40


class Interrupted(Driver):
    """A driver whose session is saved and restored at random; the random moves stay the same."""

    def __init__(self, seed: int, policy: str) -> None:
        super().__init__(seed, policy)
        self.interruptions = random.Random(seed + 1)
        self.saved: StateDelta | None = None
        self.resumed = 0

    def assemble(self) -> None:
        self.save()
        if self.interruptions.random() < 0.4:
            self.resume()
        super().assemble()
        self.save()
        if self.interruptions.random() < 0.4:
            self.resume()

    def save(self) -> None:
        """Save what has changed; now and then check that the changes add up to the whole."""
        parts = self.session._parts
        change = copy.deepcopy(changes_of(parts, {}))
        settle(parts)
        self.saved = change if self.saved is None else apply(self.saved, change)
        assert self.saved == whole_of(parts, {})

    def resume(self) -> None:
        old = self.session
        policy = old.policy.name
        self.session = Session(
            "s", budget=old.budget, counter=count, shape=self.shape, policy=policy
        )
        restore_parts(self.session._parts, copy.deepcopy(self.saved))
        assert whole_of(self.session._parts, {}) == self.saved
        self.disturbed = True
        self.resumed += 1


@pytest.mark.parametrize("policy", ["clawvm", "paper"])
def test_interrupted_sessions_decide_the_same(on_both, policy):
    resumed = 0
    for seed in range(SESSIONS):
        expected = Driver(seed, policy).run()

        def run(seed=seed):
            driver = Interrupted(seed, policy)
            return driver.run(), driver.resumed

        (compiled, count), (reference, _) = on_both(run)
        assert compiled == expected, f"seed {seed}"
        assert reference == expected, f"seed {seed}"
        resumed += count
    assert resumed > SESSIONS * 5
