"""`fit`: a message list in, one within the budget out."""

from __future__ import annotations

import sys

import pytest
from chat_histories import HISTORIES, openai_asks, openai_call, openai_result, says, user
from chat_validators import check

from clawvm import BudgetInfeasible, fit
from clawvm.errors import BudgetInvalid, MessageInvalid
from clawvm.messages import prompt_tokens

pytestmark = pytest.mark.usefixtures("core")


@pytest.fixture(params=["openai", "anthropic"])
def shape(request):
    return request.param


@pytest.fixture
def long(shape, code):
    """A history of forty exchanges in either format."""
    history = [user("Read every file.")]
    for n in range(40):
        if shape == "openai":
            call = openai_call(f"c{n}", "read", f'{{"path": "f{n}.py"}}')
            history += [openai_asks(call), openai_result(f"c{n}", code(f"f{n}"))]
        else:
            call = {"type": "tool_use", "id": f"c{n}", "name": "read", "input": {"path": f"f{n}"}}
            result = {"type": "tool_result", "tool_use_id": f"c{n}", "content": code(f"f{n}")}
            history += [says(call), {"role": "user", "content": [result]}]
    return history


def test_a_healthy_history_that_fits_comes_back_with_the_same_objects(shape, tokens_of):
    fitted = fit(HISTORIES[shape], 1_000_000, counter=tokens_of)
    assert fitted == HISTORIES[shape]
    assert fitted is not HISTORIES[shape]
    assert all(a is b for a, b in zip(fitted, HISTORIES[shape], strict=True))


def test_a_history_of_exactly_the_budget_is_left_alone(long, shape, tokens_of):
    budget = prompt_tokens(long, shape, tokens_of)
    assert fit(long, budget, counter=tokens_of) == long
    assert fit(long, budget - 1, counter=tokens_of) != long


@pytest.mark.parametrize("budget", [200, 1_000, 5_000, 12_000])
def test_what_does_not_fit_is_made_to_and_is_valid(long, shape, tokens_of, budget):
    fitted = fit(long, budget, counter=tokens_of)
    assert prompt_tokens(fitted, shape, tokens_of) <= budget
    check(fitted, shape)
    assert fitted[0] == long[0]


def test_a_repaired_history_is_repaired_within_the_budget(shape, tokens_of):
    history = [user("go"), says("x" * 4_000), *HISTORIES[shape][-2:]]
    history.append({"role": "assistant", "content": "bye"})
    broken = [
        openai_result("nobody", "a" * 4_000)
        if shape == "openai"
        else user([{"type": "tool_result", "tool_use_id": "nobody", "content": "a" * 4_000}][0])
    ]
    fitted = fit([*history, *broken], 800, counter=tokens_of, shape=shape)
    assert prompt_tokens(fitted, shape, tokens_of) <= 800
    check(fitted, shape)


def test_a_broken_history_can_be_refused(tokens_of):
    with pytest.raises(MessageInvalid):
        fit([user("go"), openai_result("c1")], 100, counter=tokens_of, repair="refuse")


def test_an_empty_history_is_an_empty_prompt(tokens_of):
    assert fit([], 1, counter=tokens_of) == []


def test_the_shape_can_be_given(tokens_of):
    assert fit([user("hi")], 100, counter=tokens_of, shape="anthropic") == [user("hi")]


@pytest.mark.parametrize("budget", [0, -1, True, 1.5])
def test_a_bad_budget_is_refused(budget, tokens_of):
    with pytest.raises(BudgetInvalid):
        fit([user("hi")], budget, counter=tokens_of)


def test_a_budget_below_the_floor_is_infeasible(tokens_of):
    with pytest.raises(BudgetInfeasible):
        fit([user("hi")], 4, counter=tokens_of)


def test_the_input_is_not_changed(long, tokens_of):
    before = repr(long)
    fit(long, 500, counter=tokens_of)
    assert repr(long) == before


def test_nul_bytes_and_lone_surrogates_fit_too(shape, tokens_of):
    odd = "\x00\ud800\U0001f600" * 400
    history = [user("go"), says(odd), user(odd), says(odd), user("end")]
    fitted = fit(history, 500, counter=tokens_of, shape=shape)
    assert prompt_tokens(fitted, shape, tokens_of) <= 500
    check(fitted, shape)


def test_a_megabyte_message_fits_in_a_cheaper_form(shape, tokens_of):
    history = [user("go"), says("lorem ipsum " * 90_000), user("end")]
    fitted = fit(history, 1_000, counter=tokens_of, shape=shape)
    assert prompt_tokens(fitted, shape, tokens_of) <= 1_000


def test_the_work_for_tiny_messages_is_linear(tokens_of):
    """Twice the messages are about twice the steps of the interpreter, whatever the machine."""
    small, large = (steps_of(count, tokens_of) for count in (1_000, 2_000))
    assert large < 2.3 * small


def steps_of(count: int, tokens_of) -> int:
    history = [(user, says)[n % 2](f"m{n}") for n in range(count)]
    calls = 0

    def step(frame, event, argument):
        nonlocal calls
        calls += 1

    before = sys.getprofile()
    sys.setprofile(step)
    try:
        fit(history, count * 3, counter=tokens_of)
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("order", [(user, says), (user, user)])
def test_twenty_thousand_tiny_messages(order, tokens_of):
    history = [order[n % 2](f"m{n}") for n in range(20_000)]
    fitted = fit(history, 50_000, counter=tokens_of)
    assert prompt_tokens(fitted, "openai", tokens_of) <= 50_000
    assert fitted[0] is history[0]
    assert fitted[-1] is history[-1]
