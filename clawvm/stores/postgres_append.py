"""Writing a batch of rows to PostgreSQL, in one call of a function of the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from .. import crash_points
from ..errors import ClawVMError, ContentMissing, JournalConflict, LeaseLost
from .codec import Codec
from .commit_queue import Job, in_turn
from .postgres_link import Link
from .postgres_rows import COLUMNS, data_sum, open_content, open_row, record_sum
from .protocol import Space
from .rules import Held, check_sequence, check_snapshot, lost

__all__ = ["write"]

CALL = """
SELECT outcome, ids, number, who FROM clawvm_append_1(
    %b, %b::text[], %b::text[], %b::text[], %b::boolean[], %b::bigint[], %b::bigint[],
    %b::bytea[], %b::bytea[], %b::integer[], %b::bigint[],
    %b::text[], %b::integer[], %b::integer[], %b::bigint[], %b::bigint[], %b::bytea[])
"""


def write(link: Link, codec: Codec, jobs: Sequence[Job], deadline: float) -> None:
    """Write every row that may be written, in one transaction, and tell each job how it went.

    Rows of one space keep their order, and one that follows a refused one is refused. When the
    database fails, nothing is known of any row; the same call made again is safe.
    """
    crash_points.reach("store.begin")
    batch = Batch(link, codec, jobs, deadline)
    while batch.open:
        batch.round()


def first_of_each(jobs: Sequence[Job]) -> tuple[list[Job], list[Job]]:
    """Set aside rows that were appended once more while they were still on their way.

    The database compares a row with those that are there, not with those of the same call.
    """
    first: list[Job] = []
    again: list[Job] = []
    seen: set[tuple[Space, int, int]] = set()
    for job in jobs:
        key = (job.row.space, job.row.seq, job.row.token)
        if job.snapshot or key not in seen:
            first.append(job)
        else:
            again.append(job)
        if not job.snapshot:
            seen.add(key)
    return first, again


class Batch:
    """Rows on their way; most are settled by the first round, the rest after a comparison."""

    def __init__(self, link: Link, codec: Codec, jobs: Sequence[Job], deadline: float) -> None:
        self.link = link
        self.codec = codec
        self.deadline = deadline
        self.alone = False  # whether contents are to be deleted, with a snapshot that is replaced
        # By space: who locks spaces in the same order as all others never waits in a circle.
        self.open = sorted(jobs, key=lambda job: job.row.space)
        self.refused: dict[tuple[Space, int], ClawVMError] = {}
        self.equal: dict[tuple[str, bytes], int] = {}  # ids of texts that were compared
        self.different: Counter[tuple[str, int]] = Counter()  # how many of a hint are not equal

    def rows(self, what: str, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a statement before the batch's deadline."""
        return self.link.rows(what, query, values, deadline=self.deadline)

    def round(self) -> None:
        """One call to the database."""
        self.open, again = first_of_each(self.open)
        arguments = [self.alone, *self.row_arguments(), *self.text_arguments()]
        crash_points.reach("store.commit")
        found = self.rows("append", CALL, arguments)
        crash_points.reach("store.committed")
        left: list[Job] = []
        failed: list[Job] = []
        for job, (outcome, ids, told, who) in zip(self.open, found, strict=True):
            if outcome == "written":
                job.succeed(tuple(ids))
            elif outcome == "wait":
                left.append(job)
            elif outcome == "alone":
                self.alone = True
                left.append(job)
            elif outcome == "compare":
                self.compare(job)
                left.append(job)
            elif outcome == "there" and (same := self.same(job)) is not None:
                job.succeed(same)
            else:
                error = self.refusal(job, outcome, told, who)
                self.refused.setdefault((job.row.space, job.row.token), error)
                job.fail(error)
                failed.append(job)
        # A row that turned out not to be equal was refused here: those behind it are, too.
        rest = [*left, *again] if again else left
        self.open = sorted(in_turn([*failed, *rest], len(failed)), key=lambda job: job.row.space)

    def row_arguments(self) -> list[list[Any]]:
        """The open rows as arrays, with the texts that are to be stored in `self.texts`."""
        texts: dict[tuple[str, bytes], tuple[int, bytes]] = {}
        for job in self.open:
            tenant = job.row.space.tenant
            for plain, content in zip(job.row.contents, job.prepared.contents, strict=True):
                if isinstance(plain, bytes) and not isinstance(content, int):
                    texts.setdefault((tenant, plain), content)
        crash_points.reach("store.contents")
        # By tenant and hint, for the same reason as the spaces.
        self.texts = sorted(texts.items(), key=lambda item: (item[0][0], item[1][0]))
        place = {key: -number for number, (key, _) in enumerate(self.texts, 1)}
        rows = [job.row for job in self.open]
        refs = [
            content if isinstance(content, int) else place[row.space.tenant, content]
            for row in rows
            for content in row.contents
        ]
        sums = [
            record_sum(self.codec, row.space, row.seq, row.token, row.record, snapshot=job.snapshot)
            for row, job in zip(rows, self.open, strict=True)
        ]
        crash_points.reach("store.row")
        return [
            [row.space.tenant for row in rows],
            [row.space.scope.value for row in rows],
            [row.space.name for row in rows],
            [job.snapshot for job in self.open],
            [row.seq for row in rows],
            [row.token for row in rows],
            [job.prepared.body for job in self.open],
            sums,
            [len(row.contents) for row in rows],
            refs,
        ]

    def text_arguments(self) -> list[list[Any]]:
        """The texts to be stored, as arrays."""
        beside: Counter[tuple[str, int]] = Counter()  # others of the same hint in this batch
        nth = []
        for (tenant, _), (hint, _) in self.texts:
            nth.append(self.different[tenant, hint] + beside[tenant, hint])
            beside[tenant, hint] += 1
        return [
            [tenant for (tenant, _), _ in self.texts],
            [hint for _, (hint, _) in self.texts],
            nth,
            [self.equal.get(key) for key, _ in self.texts],
            [data_sum(tenant, hint, data) for (tenant, _), (hint, data) in self.texts],
            [data for _, (_, data) in self.texts],
        ]

    def compare(self, job: Job) -> None:
        """Compare the row's texts, decoded, with all that are stored under their hints."""
        tenant = job.row.space.tenant
        hints = {content[0] for content in job.prepared.contents if not isinstance(content, int)}
        query = """
            SELECT nth, id, hint, data_sum, data FROM clawvm_content
            WHERE tenant = %s AND hint = ANY(%s) ORDER BY nth DESC
        """
        stored = self.rows("compare texts", query, (tenant, list(hints)))
        plains = {content for content in job.row.contents if isinstance(content, bytes)}
        for nth, number, hint, *rest in stored:
            self.different[tenant, hint] = max(self.different[tenant, hint], nth + 1)
            plain = open_content(self.codec, tenant, (number, hint, *rest))
            if plain in plains:
                self.equal[tenant, plain] = number

    def same(self, job: Job) -> tuple[int, ...] | None:
        """The contents of the row that has this number, token and checksum, if it is equal."""
        row = job.row
        query = f"""
            SELECT space, {COLUMNS} FROM clawvm_row
            WHERE seq = %s AND space = (
                SELECT id FROM clawvm_space WHERE tenant = %s AND scope = %s AND name = %s)
        """
        found = self.rows("compare rows", query, (row.seq, *map(str, row.space)))
        if not found:
            return None
        stored = open_row(self.codec, row.space, found[0][0], found[0][1:])
        if stored.record != row.record or len(stored.contents) != len(row.contents):
            return None
        query = (
            "SELECT id, hint, data_sum, data FROM clawvm_content WHERE tenant = %s AND id = ANY(%s)"
        )
        contents = self.rows("compare texts", query, (row.space.tenant, list(stored.contents)))
        plains = {each[0]: open_content(self.codec, row.space.tenant, each) for each in contents}
        equal = all(
            content == (number if isinstance(content, int) else plains.get(number))
            for number, content in zip(stored.contents, row.contents, strict=True)
        )
        return stored.contents if equal else None

    def refusal(self, job: Job, outcome: str, told: int, who: str | None) -> ClawVMError:
        """The error that the database's verdict stands for."""
        row = job.row
        if outcome == "lost":
            return lost(row.space, row.token, Held(token=told, holder=who))
        if outcome == "missing":
            return ContentMissing(
                f"{row.space} refers to no content {told}; append the text instead of the id"
            )
        if outcome == "after":
            before = self.refused[row.space, row.token]
            refused = LeaseLost if isinstance(before, LeaseLost) else JournalConflict
            return refused(
                f"{row.space}: row {row.seq} was not written because one before it was refused: "
                f"{before}"
            )
        try:
            if job.snapshot:
                check_snapshot(row, told, int(who or 0))
            else:
                check_sequence(row, told)
        except JournalConflict as conflict:
            return conflict
        raise AssertionError(f"row {row.seq} was refused and follows row {told}")
