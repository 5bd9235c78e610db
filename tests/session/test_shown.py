"""The messages that a prompt shows, now and in prompts that were made before."""

from __future__ import annotations

import pickle
import threading

from chat_histories import says, user
from hypothesis import given
from hypothesis import strategies as st

from clawvm import PageType, Session
from clawvm.session.shown import Shown

POSITIONS_MAX = 20_000  # several groups of blocks
CHANGES = st.lists(
    st.dictionaries(
        st.integers(0, POSITIONS_MAX), st.none() | st.integers(1, 3), min_size=1, max_size=8
    ),
    max_size=12,
)


def message_of(number):
    return None if number is None else {"content": str(number)}


def apply(model, change):
    """Change a plain dict alike; returns the tokens before the first difference."""
    different = [position for position, number in change.items() if model.get(position) != number]
    first = min(different, default=POSITIONS_MAX + 1)
    kept = sum(number for position, number in model.items() if position < first)
    for position, number in change.items():
        if number is None:
            model.pop(position, None)
        else:
            model[position] = number
    return kept


@given(CHANGES, st.integers(0, POSITIONS_MAX))
def test_every_version_stays_what_it_was_and_the_prefix_is_counted(changes, start):
    shown, model = Shown(), {}
    held = [(shown.version, {})]
    for change in changes:
        told = [(place, message_of(n), n or 0) for place, n in sorted(change.items())]
        assert shown.change(told) == apply(model, change)
        held.append((shown.version, model.copy()))
    for version, then in held:
        head = [message_of(then[place]) for place in sorted(then) if place < start]
        rest = [message_of(then[place]) for place in sorted(then) if place >= start]
        assert shown.split(version, start) == (head, rest)
    assert shown.tokens == sum(model.values())
    for place in range(POSITIONS_MAX + 1):
        number = model.get(place)
        assert shown.get(place) == (None if number is None else (message_of(number), number))


def test_an_equal_message_leaves_the_one_that_is_there():
    shown = Shown()
    first = {"content": "a"}
    shown.change([(0, first, 1)])
    version = shown.version
    assert shown.change([(0, {"content": "a"}, 1)]) == 1
    assert shown.version is version
    assert shown.split(version, 0)[1][0] is first


def test_a_prompt_that_is_read_late_is_what_it_was(words):
    with Session(budget=200, counter="approximate") as session:
        prompts, expected = [], []
        for number in range(20):
            session.put("changing", PageType.EVIDENCE, f"version {number}")
            session.add(user(words(f"u{number}", 12)))
            session.add(says("ok"))
            prompts.append(session.assemble())
            expected.append(session._layout.prompt(None, prompts[-1].plan).messages)
        assert [prompt.messages for prompt in prompts] == expected
        assert any(prompt.plan.epoch for prompt in prompts)


def test_a_prompt_can_be_sent_to_another_process():
    with Session(budget=200, counter="approximate", shape="anthropic") as session:
        session.put("rules", PageType.BOOTSTRAP, "Be brief.")
        session.add(user("go"))
        prompt = session.assemble()
    copy = pickle.loads(pickle.dumps(prompt))
    assert copy == prompt
    assert (copy.messages, copy.system, copy.tokens) == ([user("go")], "Be brief.", prompt.tokens)


def test_prompts_are_read_by_other_threads_while_their_session_goes_on():
    with Session(budget=100_000, counter="approximate") as session:
        made, stop, faults = [], threading.Event(), []

        def read() -> None:
            while not stop.is_set() or made:
                if made:
                    number, prompt = made.pop()
                    texts = [message["content"] for message in prompt.messages]
                    if texts != [f"message {n}" for n in range(number + 1)]:
                        faults.append(number)

        reader = threading.Thread(target=read)
        reader.start()
        for number in range(300):
            session.add(user(f"message {number}"))
            made.append((number, session.assemble()))
        stop.set()
        reader.join()
    assert faults == []
