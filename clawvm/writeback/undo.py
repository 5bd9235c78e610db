"""What takes a committed transaction back: the values from before it, as new operations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..errors import OperationInvalid
from ..pages import PageType
from ..stores import Space, Store
from .heads import NOTHING, Heads
from .merge import apply
from .operations import Committed, Operation, OpKind, Principal, PrincipalKind
from .reading import read_rows

__all__ = ["inverse"]

Field = tuple[str, str]


def inverse(store: Store, space: Space, seq: int, principal: Principal) -> list[Operation]:
    """Return the operations that give the fields of row `seq` the values from before it.

    Where a field has been changed since, its operation expects the version that row `seq` made,
    and will be refused. Rows that were undone do not count as changes.

    Parameters
    ----------
    store : Store
        Where the journal is.
    space : Space
        Whose journal.
    seq : int
        The row to take back.
    principal : Principal
        Who asks; a user or the harness also grants that a page is again what it was.

    Raises
    ------
    OperationInvalid
        When the store has no such row, it has committed nothing, or what was before has been
        pruned.
    """
    row = next(read_rows(store, space, seq), None)
    if row is None or row.transaction.seq != seq:
        raise OperationInvalid(f"{space}: row {seq} cannot be undone, the store does not have it")
    committed = row.transaction.committed
    if not committed:
        raise OperationInvalid(f"{space}: row {seq} cannot be undone, it committed no operation")
    firsts = {_field(entry): entry for entry in reversed(committed)}
    lasts = {_field(entry): entry for entry in committed}
    earlier = _before(store, space, seq, firsts.keys())
    unchanged = _versions_unchanged_since(store, space, seq, firsts.keys())
    types = dict(_types_to_restore(committed, earlier))
    grants = principal.kind in (PrincipalKind.HARNESS, PrincipalKind.USER)
    operations = []
    for field in dict.fromkeys(map(_field, committed)):
        head, before = earlier.field(*field), firsts[field].before
        if head.version != before:
            raise OperationInvalid(
                f"{space}: row {seq} cannot be undone, version {before} of field {field[1]!r} of "
                f"page {field[0]!r} has been pruned"
            )
        operations.append(
            Operation(
                *field,
                OpKind.SET,
                head.value,
                space.scope,
                f"journal:{seq}",
                principal,
                expected_version=unchanged.get(field, lasts[field].version),
                page_type=types.get(field[0]),
                granted_by=principal if grants else None,
            )
        )
    return operations


def _field(entry: Committed) -> Field:
    return entry.operation.page_id, entry.operation.field


def _before(store: Store, space: Space, seq: int, fields: Iterable[Field]) -> Heads:
    """Return what `fields` and their pages were before row `seq`."""
    wanted = set(fields)
    pages = {page_id for page_id, _ in wanted}
    heads = Heads()
    for row in read_rows(store, space):
        if row.transaction.seq >= seq:
            break
        for entry in row.transaction.committed:
            operation, field = entry.operation, _field(entry)
            head = heads.field(*field)
            # Where rows were pruned, the first one left may build on a version that is not there.
            if field in wanted and (operation.op is OpKind.SET or head.version == entry.before):
                heads.put(entry, apply(operation.op, head.value, operation.value))
            elif field[0] in pages:  # only for the type of its page
                heads.put(entry, None)
                heads.fields[field] = NOTHING
    return heads


def _types_to_restore(
    committed: Iterable[Committed], earlier: Heads
) -> Iterator[tuple[str, PageType]]:
    for entry in committed:
        page_id, kind = entry.operation.page_id, entry.operation.page_type
        was = earlier.page(page_id).page_type
        if kind is not None and was is not None and was is not kind:
            yield page_id, was


def _versions_unchanged_since(
    store: Store, space: Space, seq: int, fields: Iterable[Field]
) -> dict[Field, int]:
    """Return the newest version of those fields whose value is the one that row `seq` made.

    Each row gives a field a state of its own, named by the row's number; a row that undoes another
    one gives it the state from before that one.
    """
    wanted = set(fields)
    before: dict[tuple[Field, int], int] = {}
    states: dict[Field, int] = {}
    versions: dict[Field, int] = {}
    for row in read_rows(store, space, seq):
        transaction = row.transaction
        for field in wanted.intersection(map(_field, transaction.committed)):
            before[field, transaction.seq] = states.get(field, 0)
            states[field] = before.get((field, transaction.undoes), transaction.seq)
        versions.update((_field(entry), entry.version) for entry in transaction.committed)
    return {field: versions[field] for field in wanted if states[field] == seq}
