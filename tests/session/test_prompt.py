"""A prompt stays what it was, whatever its session does and wherever it is read."""

from __future__ import annotations

import pickle
import threading

from chat_histories import says, user

from clawvm import PageType, Session


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
