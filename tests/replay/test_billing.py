"""What is billed, worked by hand: a token is a word, and every message costs four more."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import msgspec
import pytest
from hand_traces import CHAT, Replayed, Words, call, result, said, trace, user, words
from hypothesis import given
from hypothesis import strategies as st

from clawvm.messages import prompt_tokens
from clawvm.replay import Recording, replay
from clawvm.replay.billing import (
    ANTHROPIC,
    OPENAI,
    PROVIDERS,
    Bill,
    Billing,
    CacheModel,
    bill_prompts,
    common_tokens,
    sent_at,
)
from clawvm.replay.policies import POLICY_NAMES
from clawvm.replay.trace import Event

Message = dict[str, Any]

PLAIN = CacheModel("plain")
ALL_POLICIES = pytest.mark.parametrize("policy", POLICY_NAMES)


def count(text: str) -> int:
    return len(text.split())


def message(tokens: int, word: str = "w", role: str = "user") -> Message:
    """A message that costs so many tokens; its words are numbered."""
    return {"role": role, "content": words(tokens - 4, word)}


def billed(model: CacheModel, *prompts: list[Message]) -> Bill:
    return bill_prompts(prompts, "openai", count, [model])[model.name]


A, B, C, D = (message(100, name) for name in "abcd")


class TestPrices:
    def test_what_is_sent_again_is_read_and_the_rest_written(self) -> None:
        """Prompts of 100, 200 and 300 tokens, each the beginning of the next.

        Read are 0 + 100 + 200 = 300 of 600, and written the other 300. Billed are
        300 x 0.1 + 300 x 1.25 = 30 + 375 = 405 tokens.
        """
        assert billed(PLAIN, [A], [A, B], [A, B, C]) == Bill(600, 300, 300, 405_000, 0)

    def test_each_provider_has_its_prices(self) -> None:
        """The same prompts where writing costs no more than other input: 30 + 300 = 330 tokens."""
        model = replace(PLAIN, write_price=1000)
        assert billed(model, [A], [A, B], [A, B, C]).billed_millitokens == 330_000

    def test_no_prompt_costs_nothing(self) -> None:
        assert billed(PLAIN) == Bill(0, 0, 0, 0, 0)

    def test_a_share_of_nothing_is_none(self) -> None:
        bill = Bill(billed_millitokens=300)
        assert bill.share_of(Bill(billed_millitokens=400)) == 0.75
        assert bill.share_of(Bill()) is None


class TestBreaks:
    def test_a_prompt_that_only_grows_has_none(self) -> None:
        assert billed(PLAIN, [A], [A, B], [A, B, C]).breaks == 0

    def test_the_same_prompt_again_is_none(self) -> None:
        assert billed(PLAIN, [A, B], [A, B]) == Bill(400, 200, 200, 270_000, 0)

    def test_one_that_lost_a_message_is(self) -> None:
        """After A B comes A C: A's 100 are read, C's 100 written."""
        assert billed(PLAIN, [A, B], [A, C]) == Bill(400, 100, 300, 385_000, 1)

    def test_one_that_lost_its_end_is_although_all_of_it_is_read(self) -> None:
        assert billed(PLAIN, [A, B, C], [A, B]) == Bill(500, 200, 300, 395_000, 1)

    def test_what_stands_behind_a_break_is_written_again_although_it_is_the_same(self) -> None:
        """B leaves A B C: of A C, the 100 of A are read."""
        assert billed(PLAIN, [A, B, C], [A, C]).read_tokens == 100


WORDS = words(96, "b").split()
CUT: Message = {"role": "user", "content": " ".join([*WORDS[:10], *WORDS[86:]])}


class TestWithinAMessage:
    """B, of 96 words, is cut in the middle to its first and last 10: `b0 ... b9 b86 ... b95`."""

    def test_what_stands_before_the_cut_is_read(self) -> None:
        """A's 100, the 4 of B's frame, and `b0 ... b9 b`, 11 words: 115 of 224."""
        bill = billed(PLAIN, [A, B, C], [A, CUT, C])
        assert (bill.read_tokens, bill.breaks) == (115, 1)

    def test_not_where_breakpoints_stand_between_messages(self) -> None:
        model = replace(PLAIN, whole_messages=True)
        assert billed(model, [A, B, C], [A, CUT, C]).read_tokens == 100

    def test_another_role_has_nothing_in_common(self) -> None:
        other = {**CUT, "role": "assistant"}
        assert billed(PLAIN, [A, B], [A, other]).read_tokens == 100

    def test_a_call_of_another_tool_has_nothing_in_common(self) -> None:
        def made(name: str) -> Message:
            function = {"name": name, "arguments": '{"path": "a"}'}
            made_call = {"id": "1", "type": "function", "function": function}
            return {"role": "assistant", "content": None, "tool_calls": [made_call]}

        assert common_tokens(made("read"), made("write"), "openai", count) == 0
        assert common_tokens(made("read"), made("read"), "openai", count) == 4 + 3

    def test_whole_parts_before_the_first_that_differs_are_in_common(self) -> None:
        """Two texts of 3 words in one message: the first is equal, of the second one word is."""

        def texts(*parts: str) -> Message:
            return {"role": "user", "content": [{"type": "text", "text": part} for part in parts]}

        old, new = texts("one two three", "four five six"), texts("one two three", "four 5 6")
        assert common_tokens(old, new, "anthropic", count) == (4 + 3) + (4 + 1)

    def test_an_image_ends_what_is_in_common(self) -> None:
        def picture(data: str) -> Message:
            url = {"url": f"data:image/png;base64,{data}"}
            return {"role": "user", "content": [{"type": "image_url", "image_url": url}]}

        assert common_tokens(picture("AAAA"), picture("BBBB"), "openai", count) == 0


class TestBlocks:
    MODEL = replace(PLAIN, block_tokens=128)

    def test_what_is_read_is_a_multiple_of_a_block(self) -> None:
        """Of the 300 tokens of A B C two blocks are read: 256."""
        assert billed(self.MODEL, [A, B, C], [A, B, C, D]).read_tokens == 256

    def test_less_than_one_block_is_not_read(self) -> None:
        assert billed(self.MODEL, [A], [A, B]).read_tokens == 0


class TestMinimum:
    MODEL = replace(PLAIN, minimum_tokens=200)

    def test_a_shorter_beginning_is_not_read(self) -> None:
        """After A come A B, of which 100 could be read, and A B C, of which 200 are."""
        assert billed(self.MODEL, [A], [A, B], [A, B, C]).read_tokens == 200

    def test_a_shorter_prompt_is_not_written_to_the_cache_and_has_no_surcharge(self) -> None:
        """100 tokens at 1, then 200 at 1.25."""
        assert billed(self.MODEL, [A], [A, B]).billed_millitokens == 100_000 + 250_000


class TestLastRequests:
    """A prompt, another one, and the first again."""

    PROMPTS = ([A, B, C], [A, D], [A, B, C])

    def test_a_prompt_before_the_last_is_read(self) -> None:
        """A's 100 tokens the first time, then all 300 of A B C."""
        model = replace(PLAIN, lifetime_requests=2)
        assert billed(model, *self.PROMPTS).read_tokens == 100 + 300

    def test_not_after_as_many_requests_as_it_stays(self) -> None:
        assert billed(PLAIN, *self.PROMPTS).read_tokens == 100 + 100

    def test_it_is_a_break_all_the_same(self) -> None:
        assert billed(replace(PLAIN, lifetime_requests=2), *self.PROMPTS).breaks == 2

    def test_the_longest_of_several_is_read(self) -> None:
        """A B D begins as A B C does, and A C D as A C: 100 each, then 200 of the first."""
        model = replace(PLAIN, lifetime_requests=2)
        assert billed(model, [A, B, C], [A, C, B], [A, B, D]).read_tokens == 100 + 200

    def test_a_prompt_that_goes_on_reads_what_is_longer_than_the_last(self) -> None:
        """A B C, then its beginning A, then A B: 100, and 200 although the last had 100."""
        model = replace(PLAIN, lifetime_requests=2)
        bill = billed(model, [A, B, C], [A], [A, B])
        assert (bill.read_tokens, bill.breaks) == (100 + 200, 1)


class TestSeconds:
    MODEL = replace(PLAIN, lifetime_seconds=300)

    def read(self, *times: float | None) -> int:
        billing = Billing("openai", count, [self.MODEL])
        for number, at in enumerate(times):
            prompt = [A, B, C, D][: number + 1]
            billing.send(partial(list, prompt), 100 * len(prompt), 100 * number, at)
        return billing.bills["plain"].read_tokens

    def test_a_prompt_is_there_as_long_as_it_lives(self) -> None:
        assert self.read(0.0, 300.0) == 100

    def test_and_no_longer(self) -> None:
        assert self.read(0.0, 300.5) == 0

    def test_each_use_lets_it_live_on(self) -> None:
        """Sent at 0, 200 and 400 s: the beginning was used 200 s ago, though written 400 s ago."""
        assert self.read(0.0, 200.0, 400.0) == 100 + 200

    def test_where_no_time_is_recorded_requests_follow_at_once(self) -> None:
        assert self.read(None, None) == self.read(0.0, None) == self.read(None, 10_000.0) == 100


# Of one to three words each, so that some begin alike.
MESSAGES = [message(4 + size, word) for word in "ab" for size in (1, 2, 3)]
MODELS = [
    CacheModel("last"),
    CacheModel("three", lifetime_requests=3),
    CacheModel("messages", whole_messages=True, lifetime_requests=4, lifetime_seconds=2),
    CacheModel("blocks", block_tokens=4, minimum_tokens=9, lifetime_requests=2, lifetime_seconds=3),
]
PROMPTS = st.lists(
    st.tuples(st.lists(st.sampled_from(MESSAGES), min_size=1, max_size=5), st.integers(0, 2)),
    max_size=12,
)


def cost(messages: list[Message]) -> int:
    return prompt_tokens(messages, "openai", count)


def alike(one: list[Message], other: list[Message]) -> tuple[int, int]:
    """Tokens that two prompts begin with alike: in whole messages, and to the word."""
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    whole = cost(one[:same])
    if same == min(len(one), len(other)):
        return whole, whole
    return whole, whole + common_tokens(one[same], other[same], "openai", count)


def plain_read(model: CacheModel, sent: list[tuple[list[Message], int]]) -> int:
    """What is read of the last prompt, found by comparing it with each of those before."""
    prompt, at = sent[-1]
    read = 0
    for earlier, then in sent[:-1][-model.lifetime_requests :]:
        if model.lifetime_seconds is None or at - then <= model.lifetime_seconds:
            read = max(read, alike(earlier, prompt)[not model.whole_messages])
    read -= read % model.block_tokens
    return read if read >= model.minimum_tokens else 0


@given(PROMPTS)
def test_any_prompts_are_billed_as_by_comparing_each_with_all_before(
    prompts: list[tuple[list[Message], int]],
) -> None:
    billing = Billing("openai", count, MODELS)
    sent: list[tuple[list[Message], int]] = []
    read = dict.fromkeys((model.name for model in MODELS), 0)
    at = breaks = 0
    for prompt, pause in prompts:
        at += pause
        kept = alike(sent[-1][0], prompt)[0] if sent else 0
        breaks += bool(sent) and kept < cost(sent[-1][0])
        sent.append((prompt, at))
        billing.send(partial(list, prompt), cost(prompt), kept, float(at))
        for model in MODELS:
            read[model.name] += plain_read(model, sent)
    assert {name: bill.read_tokens for name, bill in billing.bills.items()} == read
    assert {bill.breaks for bill in billing.bills.values()} == {breaks}


class TestSentAt:
    def at(self, *events: Event) -> float | None:
        return sent_at(Recording.of("by hand", trace(*events)).turns[-1])

    def test_it_is_the_time_of_what_arrived_last(self) -> None:
        asked = user("one", at="1970-01-01T00:01:00Z"), user("two", at="1970-01-01T00:02:00Z")
        assert self.at(*asked, said("yes", at="1970-01-01T00:09:00Z")) == 120.0

    def test_or_that_of_the_reply_where_nothing_before_it_has_one(self) -> None:
        assert self.at(user("one"), said("yes", at="1970-01-01T00:09:00.5Z")) == 540.5

    def test_an_offset_is_minded_and_none_means_utc(self) -> None:
        assert self.at(user("one", at="1970-01-01T01:00:00+01:00"), said("yes")) == 0.0
        assert self.at(user("one", at="1970-01-01T00:00:01"), said("yes")) == 1.0

    @pytest.mark.parametrize("time", ["1712121212", "1712121212000"])
    def test_a_whole_number_is_of_seconds_or_milliseconds_since_1970(self, time: str) -> None:
        assert self.at(user("one", at=time), said("yes")) == 1_712_121_212.0

    @pytest.mark.parametrize("time", ["", "yesterday", "-5", "1e9", "\u0661", "9" * 16])
    def test_what_is_no_such_time_is_none(self, time: str) -> None:
        assert self.at(user("one", at=time), said("yes")) is None

    def test_no_time_is_none(self) -> None:
        assert self.at(user("one"), said("yes")) is None


class TestDefaults:
    def test_what_is_documented(self) -> None:
        assert [(model.name, model.read_price, model.write_price) for model in PROVIDERS] == [
            ("anthropic", 100, 1250),
            ("openai", 100, 1000),
        ]
        assert ANTHROPIC.whole_messages
        assert OPENAI.block_tokens == 128
        assert ANTHROPIC.minimum_tokens == OPENAI.minimum_tokens == 1024


def read_file(call_id: str, number: int) -> tuple[Event, ...]:
    made = call(call_id, "read", {"path": f"file-{number}"})
    return made, result(call_id, words(300, f"f{number}-"))


# Ten files of 300 tokens, read one after the other, and the first of them again.
LONG: tuple[Event, ...] = (
    user("look at all of them"),
    *(event for number in range(10) for event in read_file(f"first-{number}", number)),
    *read_file("again", 0),
    said("seen"),
    user("which was best?"),
    said("the last"),
)
TIGHT = 1_500


class TestReplays:
    def test_the_whole_history_of_a_short_chat(self) -> None:
        """Prompts of 7, 18 and 31 tokens (see CHAT) are too short to be cached.

        56 tokens are sent and none read, at 1 each.
        """
        bills = Replayed("full", 1_000, *CHAT).result.bills
        assert bills == dict.fromkeys(("anthropic", "openai"), Bill(56, 0, 56, 56_000, 0))

    def test_the_whole_history_is_what_the_formula_says(self) -> None:
        """With n(t) tokens at request t: read are n(t - 1), if there are 1,024, else none."""
        replayed = Replayed("full", 100_000, *LONG)
        sizes = [replayed.prompts[request].tokens for request in sorted(replayed.prompts)]
        read = new = plain = 0
        for before, now in zip([0, *sizes[:-1]], sizes, strict=True):
            cached = before if before >= 1024 else 0
            read += cached
            new += now - cached if now >= 1024 else 0
            plain += now if now < 1024 else 0
        assert (read > 0, new > 0, plain > 0) == (True, True, True)
        bill = replayed.result.bills["anthropic"]
        assert bill == Bill(sum(sizes), read, new + plain, read * 100 + new * 1250 + plain * 1000)

    def test_blocks_cost_at_most_one_block_a_request(self) -> None:
        result = Replayed("full", 100_000, *LONG).result
        anthropic, openai = result.bills["anthropic"], result.bills["openai"]
        assert 0 <= anthropic.read_tokens - openai.read_tokens < 128 * result.turns

    @ALL_POLICIES
    @pytest.mark.parametrize("shape", ["openai", "anthropic"])
    def test_what_was_read_and_written_is_what_was_sent(self, policy: str, shape: Any) -> None:
        result = Replayed(policy, TIGHT, *LONG, shape=shape).result
        for bill in result.bills.values():
            assert bill.read_tokens + bill.written_tokens == bill.sent_tokens == result.prompt_total
            assert bill.breaks == result.bills["openai"].breaks

    @ALL_POLICIES
    @pytest.mark.parametrize("shape", ["openai", "anthropic"])
    def test_it_is_what_a_bill_of_the_message_lists_says(self, policy: str, shape: Any) -> None:
        """`bill_prompts` compares all messages of all prompts, and asks no plan what was kept."""
        replayed = Replayed(policy, TIGHT, *LONG, shape=shape)
        lists = [replayed.messages(request) for request in sorted(replayed.prompts)]
        assert bill_prompts(lists, shape, count) == replayed.result.bills

    def test_only_the_whole_history_has_no_break(self) -> None:
        breaks = {
            policy: Replayed(policy, TIGHT, *LONG).result.bills["openai"].breaks
            for policy in ("full", "sliding-window", "clawvm")
        }
        assert breaks["full"] == 0
        assert min(breaks["sliding-window"], breaks["clawvm"]) > 0

    @ALL_POLICIES
    def test_two_providers_that_differ_in_the_name_only_bill_the_same(self, policy: str) -> None:
        twin = replace(OPENAI, name="twin")
        recording = Recording.of("by hand", trace(*LONG))
        bills = replay(recording, policy, TIGHT, Words(), caches=[OPENAI, twin]).bills
        assert bills["openai"] == bills["twin"]

    def test_a_prompt_that_could_not_be_built_is_not_billed(self) -> None:
        """Under 3 tokens there is no prompt."""
        bills = Replayed("clawvm", 3, *CHAT).result.bills
        assert bills == dict.fromkeys(("anthropic", "openai"), Bill())

    def test_a_pause_in_the_recording_costs_the_cache(self) -> None:
        """The last question comes after an hour: nothing is read for it, by either provider."""
        at_once = Replayed("full", 100_000, *LONG).result
        paused = (
            *(replace_at(event, "2026-01-01T12:00:00Z") for event in LONG[:-2]),
            replace_at(LONG[-2], "2026-01-01T13:00:00Z"),
            LONG[-1],
        )
        later = Replayed("full", 100_000, *paused).result
        for name, bill in later.bills.items():
            assert bill.sent_tokens == at_once.bills[name].sent_tokens
            assert bill.breaks == 0
            assert at_once.bills[name].read_tokens - bill.read_tokens > 3_000


def replace_at(event: Event, at: str) -> Event:
    return msgspec.structs.replace(event, at=at)
