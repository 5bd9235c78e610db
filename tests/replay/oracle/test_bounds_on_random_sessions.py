"""On sessions made to repeat themselves, no policy passes a bound, whatever its provider caches."""

from __future__ import annotations

from typing import Any

from hand_traces import Words, call, result, said, trace, user, words
from hypothesis import given, settings
from hypothesis import strategies as st

from clawvm.messages import prompt_tokens
from clawvm.replay import Recording, replay
from clawvm.replay.oracle import availability_bound, billed_bound, grounds
from clawvm.replay.policies import POLICY_NAMES
from clawvm.replay.trace import Compaction, Event, Reset
from clawvm.session import Prompt, Session

LONG = words(40, "alpha")
PICTURES = {
    "openai": {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    "anthropic": {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
    },
}
# Few texts, so that a prompt can begin as an earlier one did with other pages in it.
TEXTS = ("go on", "go on and on", "done", LONG, f"{LONG} and more", f"{words(12, 'alpha')} beta")


class Caching:
    """A cache that keeps every prompt for ever, and the bill that comes of it."""

    def __init__(self, shape: Any) -> None:
        self.billed = 0
        self.prompts: dict[int, tuple[int, int]] = {}
        self._shape = shape
        self._sent: list[list[dict[str, Any]]] = []

    def __call__(self, request: int, prompt: Prompt, session: Session) -> None:
        head = [] if prompt.system is None else [{"role": "system", "content": prompt.system}]
        messages = [*head, *prompt.messages]
        read = max((self._alike(earlier, messages) for earlier in self._sent), default=0)
        self._sent.append(messages)
        self.prompts[request] = (prompt.tokens, read)
        self.billed += price(prompt.tokens, read)

    def _alike(self, earlier: list[dict[str, Any]], messages: list[dict[str, Any]]) -> int:
        """Return the tokens of the messages with which both begin."""
        pairs = enumerate(zip(earlier, messages, strict=False))
        shorter = min(len(earlier), len(messages))
        end = next((place for place, (was, now) in pairs if was != now), shorter)
        return prompt_tokens(messages[:end], self._shape, Words().count)


def price(sent: int, read: int) -> int:
    return 100 * read + 1000 * (sent - read)


@st.composite
def sessions(draw: st.DrawFn) -> Recording:
    """Draw a session of a few requests: texts and calls that recur, pictures, boundaries."""
    shape: Any = draw(st.sampled_from(tuple(PICTURES)))
    events: list[Event] = []
    for number in range(draw(st.integers(2, 7))):
        kind = draw(
            st.sampled_from(("user", "user", "call", "call", "picture", "reset", "compact"))
        )
        if kind == "reset":
            events.append(Reset())
        if kind == "compact":
            events.append(Compaction(trigger="manual"))
        if kind == "picture":
            events.append(user(draw(st.sampled_from(TEXTS)), opaque=(PICTURES[shape],)))
        elif kind == "call" and events:
            command = draw(st.sampled_from(("ls", f"echo {LONG}")))
            events.append(call(str(number), "bash", {"command": command}))
            events.append(result(str(number), draw(st.sampled_from(TEXTS))))
        else:
            events.append(user(draw(st.sampled_from(TEXTS))))
        events.append(said(draw(st.sampled_from(TEXTS))))
    return Recording.of(shape, trace(*events, shape=shape))


@given(sessions(), st.sampled_from((30, 60, 120, 2_000)))
@settings(max_examples=60, deadline=None)
def test_no_policy_passes_a_bound(recording: Recording, budget: int) -> None:
    faced = grounds(recording, budget, Words())
    most = availability_bound(faced)
    for policy in POLICY_NAMES:
        if policy == "full":
            continue
        cache = Caching(recording.trace.header.shape)
        done = replay(recording, policy, budget, Words(), cache)
        for ground in faced:
            assert (ground.request in cache.prompts) == (ground.room_tokens >= 0), policy
            if ground.room_tokens >= 0:
                sent, read = cache.prompts[ground.request]
                assert ground.floor_tokens <= sent, policy
                assert ground.new_tokens <= sent - read, policy
        assert done.spans.available <= most.available, policy
        least = billed_bound(faced, price, done.spans.available)
        assert least is not None, policy
        assert least <= cache.billed, policy
