"""A driver that takes a session through every operation at random, and checks every prompt."""

from __future__ import annotations

import random
from itertools import takewhile

from chat_histories import openai_call, says, tool_result, tool_use, user
from chat_validators import check

from clawvm import BudgetInfeasible, Fidelity, PageType, Pin, Prompt, Session
from clawvm.messages import prompt_tokens
from clawvm.pages import RULES
from clawvm.representations import Form

TURNS = 12
PUT_IDS = "pqrstu"  # one for each type
TOPICS = ("alpha", "beta", "gamma", "delta")
TOOLS = ("read", "grep", "bash", "edit", "book_flight")


def count(text: str) -> int:
    return (len(text) + 3) // 4


class Driver:
    """Drives one session by a seed: the same seed does the same, whatever back end runs."""

    def __init__(self, seed: int, policy: str) -> None:
        self.random = random.Random(seed)
        self.shape = self.random.choice(["openai", "anthropic"])
        self.session = Session(
            "s",
            budget=self.random.choice([150, 600, 2_000, 8_000]),
            counter=count,
            shape=self.shape,
            policy=policy,
        )
        self.clawvm = policy == "clawvm"
        self.calls = 0
        self.before: Prompt | None = None
        self.unseen_before = 0
        # Whether anything but new messages has come since the last prompt.
        self.disturbed = True
        self.log: list[object] = []

    def run(self) -> list[object]:
        self.session.add(user(self.text()))
        for _ in range(TURNS):
            self.assemble()
            for _ in range(self.random.randrange(4)):
                self.disturbed = True
                self.random.choice(
                    [self.put, self.put, self.pin, self.demand, self.touch, self.budget]
                )()
            self.random.choice([self.reply, self.reply, self.reply, self.speak, self.boundary])()
        self.assemble()
        return self.log

    def text(self) -> str:
        rng = self.random
        topic = rng.choice(TOPICS)
        size = rng.choice([0, 1, 3, 10, 40])
        line = rng.choice(
            [
                "def {t}_{n}(x):\n    return x * {n}",
                "On {t}: item {n} must hold.",
                "{t}.py:{n}: {t}",
            ]
        )
        return f"{topic}\n" + "\n".join(line.format(t=topic, n=n * 37 % 101) for n in range(size))

    def put(self) -> None:
        rng = self.random
        page_id = rng.choice(PUT_IDS)
        page_type = PageType(PUT_IDS.index(page_id))
        if page_id in self.session._book.archived:
            return
        page = self.session._book.live.get(page_id)
        pin = rng.choice([None, None, None, *Pin])
        floor = rng.choice([None, None, *list(Fidelity)[1:]])
        utility = rng.choice([None, 1, 1_000, 1 << 24])
        text = page.texts[0] if page and rng.random() < 0.3 else rng.choice(["", self.text()])
        forms = self.forms(page_type) if rng.random() < 0.3 else None
        terms = {"pin": pin, "floor": floor, "utility": utility, "forms": forms}
        self.session.put(page_id, page_type, text, **terms)

    def forms(self, page_type: PageType) -> dict[Fidelity, Form]:
        rng = self.random
        levels = [at for at in RULES[page_type].levels[:-1] if rng.random() < 0.6]
        return {
            at: Form("w" * rng.choice([0, 4, 40, 400]), rng.choice([1, 300, 999])) for at in levels
        }

    def any_page(self) -> str | None:
        pages = self.session.pages()
        return self.random.choice(pages).id if pages else None

    def pin(self) -> None:
        page_id = self.any_page()
        pin = self.random.choice(list(Pin))
        floor = self.random.choice([None, *list(Fidelity)[1:]])
        if page_id:
            self.session.pin(page_id, pin, floor)

    def demand(self) -> None:
        page_id = self.any_page()
        level = self.random.choice(list(Fidelity)[1:])
        if page_id:
            self.session.demand(page_id, level)

    def touch(self) -> None:
        page_id = self.any_page()
        if page_id:
            self.session.touch(page_id)
            assert self.session.recall(page_id).found

    def budget(self) -> None:
        self.session.budget = self.random.choice([300, 1_000, 3_000])

    def speak(self) -> None:
        self.session.post_model(says(f"I say {self.text()}"))
        self.session.add(user(f"You say {self.text()}"))

    def reply(self) -> None:
        rng = self.random
        calls = []
        for _ in range(rng.randint(1, 3)):
            self.calls = self.calls % 20 + 1  # ids are used again
            calls.append((f"c{self.calls}", rng.choice(TOOLS), f"src/{rng.choice(TOPICS)}.py"))
        results = [(name, self.text()) for name, _, _ in calls]
        if self.shape == "openai" and rng.random() < 0.1:
            self.session.add(says("") | {"function_call": {"name": "old", "arguments": "{}"}})
            self.session.add({"role": "function", "name": "old", "content": results[0][1]})
            return
        if self.shape == "openai":
            asked = [openai_call(n, tool, f'{{"path": "{path}"}}') for n, tool, path in calls]
            message = says(rng.choice(["", "Now."])) | {"tool_calls": asked}
            self.session.post_model(message)
            rng.shuffle(results)
            for name, text in results:
                self.session.add_result(name, text)
            return
        blocks = [tool_use(n, tool, path=path) for n, tool, path in calls]
        thinking = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
        head = [thinking] if rng.random() < 0.3 else []
        words = [{"type": "text", "text": "Now."}] if rng.random() < 0.5 else []
        self.session.post_model(says(*head, *words, *blocks))
        self.session.add(user(*(tool_result(name, text) for name, text in results)))

    def boundary(self) -> None:
        self.disturbed = True
        if self.random.random() < 0.7:
            self.session.compaction()
        else:
            self.session.reset()
        self.session.add(user(self.text()))

    def assemble(self) -> None:
        session = self.session
        session._take_in()
        levels = [session._book.table.level(page.slot) for page in session.pages()]
        try:
            prompt = session.assemble()
        except BudgetInfeasible as error:
            self.log.append((error.page_ids, error.missing_tokens))
            # Nothing moved, and with as much as was missing there is a prompt.
            assert [session._book.table.level(page.slot) for page in session.pages()] == levels
            session.budget += error.missing_tokens if self.clawvm else 100_000
            prompt = session.assemble()
        self.examine(prompt)
        self.log.append((prompt.plan, prompt.messages, prompt.system))

    def examine(self, prompt) -> None:
        """Check everything that is promised of a prompt."""
        session = self.session
        pages = session.pages()
        assert prompt.tokens <= prompt.plan.budget_tokens == session.budget
        assert prompt.tokens == sum(page.tokens(session.level(page.id)) for page in pages)
        shown = prompt_tokens(prompt.messages, self.shape, count)
        system = count(prompt.system) if prompt.system else 0
        assert shown + system <= prompt.tokens
        if prompt.system is None and self.shape == "openai":
            assert shown + self.unseen() == prompt.tokens
        for page in pages:
            if page.pin is Pin.HARD:
                assert session.level(page.id) >= page.floor
        for page in list(session._conversation.tail.values())[-1:]:
            assert session.level(page.id) is not Fidelity.NONE
        check(prompt.messages, self.shape)
        session._book.table.check()
        self.compare(prompt)
        self.before, self.unseen_before, self.disturbed = prompt, self.unseen(), False

    def unseen(self) -> int:
        """Tokens of blank pages: they are counted, though nothing of them is shown."""
        blank = [page for page in self.session.pages() if page.id in PUT_IDS and not page.texts[0]]
        return sum(page.tokens(self.session.level(page.id)) for page in blank)

    def compare(self, prompt: Prompt) -> None:
        """Check everything that is promised of a prompt against the one before it."""
        plan, before = prompt.plan, self.before
        kept = plan.prefix_tokens_kept
        if self.clawvm and plan.epoch:
            mark = max(plan.budget_tokens * 70 // 100, plan.floor_tokens)
            assert prompt.tokens <= mark
            assert plan.value <= plan.bound
        if before is None:
            assert kept == 0
            return
        assert 0 <= kept <= min(prompt.tokens, before.tokens)
        couples = zip(before.messages, prompt.messages, strict=False)
        same = [old for old, new in takewhile(lambda couple: couple[0] == couple[1], couples)]
        if self.shape == "openai":
            assert kept <= prompt_tokens(same, self.shape, count)
        if self.clawvm and not plan.epoch and not self.disturbed:
            head = prompt.messages[: len(before.messages)]
            assert all(old is new for old, new in zip(before.messages, head, strict=True))
            assert before.system == prompt.system
            # Thinking that a shown message ends in is counted and goes (docs/messages.md).
            counted = before.tokens - self.unseen_before
            shown = prompt_tokens(before.messages, self.shape, count)
            assert kept == counted if self.shape == "openai" else shown <= kept <= counted
