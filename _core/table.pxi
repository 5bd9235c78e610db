# Records by slot, the arena of ids, the index from id to slot (twin: store.py, where a dict does
# what the index does here).

# An index entry is a slot in the low 24 bits and 7 bits of the id's hash above it, which spare
# most looks at a record that is not the one. The top bit is 0, so that no entry equals EMPTY.
# Places come from the low bits of the same hash. Collisions move on to the next place, and
# removal closes the gap, so that there are no tombstones and a search ends at the first hole.
cdef struct Table:
    PageRecord *records
    uint32_t capacity
    uint32_t end            # slots ever used; those past it are blank
    uint32_t live
    uint32_t free_slot      # freed last; a dead record's id_offset is the one freed before it
    uint32_t *index
    uint32_t index_mask     # size of the index, a power of two, less one
    char *arena
    uint32_t arena_capacity
    uint32_t arena_used
    uint32_t arena_dead
    uint32_t clock
    uint32_t half_life
    uint32_t pages_max
    uint32_t id_bytes_max
    uint64_t used_tokens
    uint64_t probes
    uint64_t resizes
    uint64_t compactions
    uint64_t logarithms
    uint64_t selects
    bint held               # by a batch of turns, which nobody may disturb
    Plan plan


cdef inline uint32_t tagged(uint32_t id_hash, uint32_t slot) noexcept nogil:
    return (id_hash >> 25) << 24 | slot


cdef int compare_ids(const Table *table, uint32_t left, uint32_t right) noexcept nogil:
    """Order two live slots by the bytes of their ids."""
    cdef const PageRecord *first = &table.records[left]
    cdef const PageRecord *second = &table.records[right]
    cdef uint32_t shared = min(first.id_length, second.id_length)
    cdef int order = memcmp(
        table.arena + first.id_offset, table.arena + second.id_offset, shared
    )
    return order if order else <int> first.id_length - <int> second.id_length


cdef uint32_t find_slot(
    Table *table, const char *id_bytes, uint32_t length, uint32_t id_hash
) noexcept nogil:
    """Return the slot of an id, NO_SLOT if there is none."""
    cdef uint32_t place = id_hash & table.index_mask
    cdef uint32_t entry, tag = tagged(id_hash, 0)
    cdef const PageRecord *record
    while True:
        table.probes += 1
        entry = table.index[place]
        if entry == EMPTY:
            return NO_SLOT
        if entry & ~SLOT_MASK == tag:
            record = &table.records[entry & SLOT_MASK]
            if (
                record.id_hash == id_hash
                and record.id_length == length
                and memcmp(table.arena + record.id_offset, id_bytes, length) == 0
            ):
                return entry & SLOT_MASK
        place = (place + 1) & table.index_mask


cdef void enter_slot(Table *table, uint32_t id_hash, uint32_t slot) noexcept nogil:
    """Add an id that is not in the index, which has a hole."""
    cdef uint32_t place = id_hash & table.index_mask
    while table.index[place] != EMPTY:
        place = (place + 1) & table.index_mask
    table.index[place] = tagged(id_hash, slot)


cdef void leave_slot(Table *table, uint32_t slot) noexcept nogil:
    """Take an id out of the index and close the gap that it leaves."""
    cdef uint32_t mask = table.index_mask
    cdef uint32_t hole = table.records[slot].id_hash & mask
    cdef uint32_t place, home, entry = tagged(table.records[slot].id_hash, slot)
    while table.index[hole] != entry:
        hole = (hole + 1) & mask
    place = hole
    while True:
        place = (place + 1) & mask
        entry = table.index[place]
        if entry == EMPTY:
            break
        home = table.records[entry & SLOT_MASK].id_hash & mask
        # The entry may fill the hole unless its home lies after the hole.
        if ((place - home) & mask) >= ((place - hole) & mask):
            table.index[hole] = entry
            hole = place
    table.index[hole] = EMPTY


cdef uint32_t index_size(uint32_t pages) noexcept nogil:
    """Return the least power of two of which `pages` entries fill at most three quarters."""
    cdef uint32_t size = 8
    while size - (size >> 2) < pages:
        size <<= 1
    return size


cdef int make_index(Table *table, uint32_t size) except -1:
    """Replace the index by one of this size."""
    cdef uint32_t slot
    cdef uint32_t *index = <uint32_t *> PyMem_Malloc(<size_t> size * sizeof(uint32_t))
    if index == NULL:
        raise MemoryError()
    memset(index, 0xFF, <size_t> size * sizeof(uint32_t))
    PyMem_Free(table.index)
    table.index = index
    table.index_mask = size - 1
    for slot in range(table.end):
        if table.records[slot].flags & LIVE:
            enter_slot(table, table.records[slot].id_hash, slot)
    return 0


cdef int reserve_arena(Table *table, uint32_t length) except -1:
    """Make room for one more id of `length` bytes."""
    cdef uint64_t capacity
    cdef char *arena
    if table.arena_used + <uint64_t> length <= table.arena_capacity:
        return 0
    capacity = <uint64_t> table.arena_capacity
    capacity = min(capacity + max(capacity >> 4, <uint64_t> ARENA_GROWTH_MIN), ARENA_MAX)
    capacity = max(capacity, table.arena_used + <uint64_t> length)
    arena = <char *> PyMem_Realloc(table.arena, <size_t> capacity)
    if arena == NULL:
        raise MemoryError()
    table.arena, table.arena_capacity = arena, <uint32_t> capacity
    return 0


cdef void compact_arena(Table *table, char *arena) noexcept:
    """Move the live ids, in slot order, to a new arena of the old one's capacity."""
    cdef uint32_t slot, end = 0
    cdef PageRecord *record
    for slot in range(table.end):
        record = &table.records[slot]
        if record.flags & LIVE:
            memcpy(arena + end, table.arena + record.id_offset, record.id_length)
            record.id_offset = end
            end += record.id_length
    PyMem_Free(table.arena)
    table.arena = arena
    table.arena_used, table.arena_dead = end, 0
    table.compactions += 1


cdef int64_t log2_counted(Table *table, uint32_t x) noexcept nogil:
    table.logarithms += 1
    return log2q(x)


cdef void see(Table *table, PageRecord *record, uint32_t turn) noexcept nogil:
    record.last_turn = max(record.last_turn, turn)
    table.clock = max(table.clock, turn)


cdef int64_t now_of(const Table *table, uint32_t turn) noexcept nogil:
    return turn_heat(max(turn, table.clock), table.half_life)


cdef void set_ladder(
    Table *table, PageRecord *record, const uint32_t *tokens, const uint16_t *quality
) noexcept nogil:
    table.used_tokens -= tokens_at(record, record.level)
    memcpy(record.tokens, tokens, sizeof(record.tokens))
    memcpy(record.quality, quality, sizeof(record.quality))
    table.logarithms += 2 * densities(record, 0, TOKENS_MAX, record.density)
    while not present(record, record.level):
        record.level -= 1
    table.used_tokens += tokens_at(record, record.level)


cdef inline void set_small(PageRecord *record, uint8_t *field, uint8_t value) noexcept nogil:
    """Replace a field of the record, and note it if that changes anything."""
    if field[0] != value:
        field[0] = value
        record.flags |= CHANGED


cdef void set_resident(Table *table, PageRecord *record, uint32_t level) noexcept nogil:
    table.used_tokens -= tokens_at(record, record.level)
    table.used_tokens += tokens_at(record, level)
    set_small(record, &record.level, <uint8_t> level)


cdef int drop_page(Table *table, uint32_t slot) except -1:
    """Blank a live record and put its slot on the free list."""
    cdef PageRecord *record = &table.records[slot]
    cdef char *arena = NULL
    cdef uint32_t dead = table.arena_dead + record.id_length
    if dead * <uint64_t> 2 > table.arena_used:
        arena = <char *> PyMem_Malloc(table.arena_capacity)
        if arena == NULL:
            raise MemoryError()
    forget(table, slot)
    table.arena_dead = dead
    table.used_tokens -= tokens_at(record, record.level)
    leave_slot(table, slot)
    memset(record, 0, sizeof(PageRecord))
    record.flags = CHANGED
    record.id_offset = table.free_slot
    table.free_slot = slot
    table.live -= 1
    if arena != NULL:
        compact_arena(table, arena)
    return 0


cdef inline bint is_live(const Table *table, int64_t slot) noexcept nogil:
    return 0 <= slot < table.end and table.records[slot].flags & LIVE


cdef inline int need_table(const Table *table) except -1:
    """Refuse who comes to a table while a batch of turns has it."""
    if table.held:
        validate.refuse_held()
    return 0


cdef PageRecord *record_at(Table *table, int64_t slot, object given) except NULL:
    """Return the live record in a slot; `given` is the slot as the caller wrote it."""
    need_table(table)
    if is_live(table, slot):
        return &table.records[slot]
    validate.refuse_slot(given, table.live)


cdef str id_text(const Table *table, const PageRecord *record):
    return PyUnicode_DecodeUTF8(table.arena + record.id_offset, record.id_length, NULL)


cdef list live_slots(const Table *table):
    cdef list slots = []
    cdef uint32_t slot
    for slot in range(table.end):
        if table.records[slot].flags & LIVE:
            slots.append(slot)
    return slots


cdef int need_level(const Table *table, const PageRecord *record, uint32_t level) except -1:
    cdef PageRecord copy
    if not present(record, level):
        copy = record[0]
        validate.refuse_missing_level(id_text(table, record), level, copy.tokens)
    return 0


cdef dict fields_of(PageRecord record):
    cdef dict plain = record
    cdef object name
    for name in ("tokens", "density", "quality", "digest"):
        plain[name] = tuple(plain[name])
    return plain
