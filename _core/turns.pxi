# Whole turns (twin: turns.py, which tells what and why). All arguments are read into a `Batch`
# before any table is looked at; the work on it needs no Python.

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define clawvm_prefetch(address) __builtin_prefetch(address)
    #else
    #define clawvm_prefetch(address) ((void) (address))
    #endif
    """
    void prefetch "clawvm_prefetch"(const void *address) noexcept nogil

cdef enum:
    FEW = 16

cdef struct Content:
    uint64_t digest[2]
    uint32_t tokens[4]
    uint16_t quality[4]
    int64_t slot

# One table's part of a batch: where its slots and contents are, and what was decided.
cdef struct Job:
    Table *table
    int64_t budget
    uint32_t turn
    uint32_t touched_start
    uint32_t touched_end
    uint32_t contents_start
    uint32_t contents_end
    Decision decision

# Items are in `few` while they are few, so that a turn of one table allocates nothing.
cdef struct Batch:
    int64_t *touched
    Content *contents
    uint32_t touched_count
    uint32_t touched_capacity
    uint32_t contents_count
    uint32_t contents_capacity
    int64_t[FEW] few_touched
    Content[FEW] few_contents


cdef void start_batch(Batch *batch) noexcept nogil:
    batch.touched, batch.contents = batch.few_touched, batch.few_contents
    batch.touched_count = batch.contents_count = 0
    batch.touched_capacity = batch.contents_capacity = FEW


cdef void free_batch(Batch *batch) noexcept:
    if batch.touched != batch.few_touched:
        PyMem_Free(batch.touched)
    if batch.contents != batch.few_contents:
        PyMem_Free(batch.contents)


cdef void *moved_to_heap(void *items, void *few, uint32_t count, size_t size) except NULL:
    """Return `items` in memory for twice as many."""
    cdef void *larger = PyMem_Realloc(NULL if items == few else items, 2 * count * size)
    if larger == NULL:
        raise MemoryError()
    if items == few:
        memcpy(larger, few, count * size)
    return larger


cdef int read_touched(Batch *batch, tuple touched) except -1:
    cdef object slot
    cdef int64_t number
    for slot in touched:
        number = as_slot(slot)
        if batch.touched_count == batch.touched_capacity:
            batch.touched = <int64_t *> moved_to_heap(
                batch.touched, batch.few_touched, batch.touched_count, sizeof(int64_t)
            )
            batch.touched_capacity *= 2
        batch.touched[batch.touched_count] = number
        batch.touched_count += 1
    return 0


cdef int read_contents(Batch *batch, tuple contents) except -1:
    cdef object given
    cdef Content content
    for given in contents:
        read_content(given, &content)
        if batch.contents_count == batch.contents_capacity:
            batch.contents = <Content *> moved_to_heap(
                batch.contents, batch.few_contents, batch.contents_count, sizeof(Content)
            )
            batch.contents_capacity *= 2
        batch.contents[batch.contents_count] = content
        batch.contents_count += 1
    return 0


cdef int read_content(object given, Content *content) except -1:
    cdef PageFields fields
    cdef object slot, encoded, tokens, quality
    if (
        type(given) is tuple
        and len(<tuple> given) == 4
        and type((<tuple> given)[1]) is str
        and PyUnicode_IS_COMPACT_ASCII((<tuple> given)[1])
        and read_ladder((<tuple> given)[2], (<tuple> given)[3], &fields)
    ):
        hash_text((<str> (<tuple> given)[1]).encode("ascii"), content)
        content.tokens, content.quality = fields.tokens, fields.quality
        content.slot = as_slot((<tuple> given)[0])
        return 0
    slot, encoded, tokens, quality = validate.content(given)
    hash_text(encoded, content)
    content.tokens, content.quality = tokens, quality
    content.slot = as_slot(slot)
    return 0


cdef object digest_of = None


cdef int hash_text(bytes text, Content *content) except -1:
    """Hash a text in UTF-8."""
    global digest_of
    cdef const uint8_t *canonical
    cdef bytes digest
    if digest_of is None:
        # With the first text: importing the library need not wait for it.
        from xxhash import xxh3_128_digest as digest_of
    digest = digest_of(text)
    canonical = <const uint8_t *> PyBytes_AS_STRING(digest)
    content.digest[0], content.digest[1] = load_word(canonical), load_word(canonical + 8)
    return 0


cdef inline bint same_digest(const PageRecord *record, const Content *content) noexcept nogil:
    return record.digest[0] == content.digest[0] and record.digest[1] == content.digest[1]


cdef int check_job(
    const Table *table, const Batch *batch, const Job *job, tuple touched, tuple contents
) except -1:
    """Check that the pages are there and may change; the items are given as they were written."""
    cdef uint32_t place
    cdef const Content *content
    for place in range(job.touched_start, job.touched_end):
        if not is_live(table, batch.touched[place]):
            validate.refuse_slot(touched[place - job.touched_start], table.live)
    for place in range(job.contents_start, job.contents_end):
        content = &batch.contents[place]
        if not is_live(table, content.slot):
            validate.refuse_slot(contents[place - job.contents_start][0], table.live)
        if (
            table.records[content.slot].version + <uint64_t> len(contents) > VERSION_MAX
            and not same_digest(&table.records[content.slot], content)
        ):
            raise LimitExceeded(dirty.VERSIONS_SPENT)
    return 0


cdef void take_content(Table *table, const Content *content, uint32_t turn) noexcept nogil:
    cdef uint32_t slot = <uint32_t> content.slot
    cdef PageRecord *record = &table.records[slot]
    cdef int64_t heat
    if not same_digest(record, content):
        record.version += 1
        record.digest[0], record.digest[1] = content.digest[0], content.digest[1]
        record.flags |= CHANGED
    if (
        memcmp(record.tokens, content.tokens, sizeof(record.tokens)) == 0
        and memcmp(record.quality, content.quality, sizeof(record.quality)) == 0
    ):
        touch_page(table, slot, turn)
        return
    unplan(table, slot)
    set_ladder(table, record, content.tokens, content.quality)
    record.heat -= turn_heat(record.last_turn, table.half_life)
    see(table, record, turn)
    record.heat += turn_heat(record.last_turn, table.half_life)
    record.flags |= CHANGED
    replan(table, slot)


cdef void apply_job(const Batch *batch, const Job *job) noexcept nogil:
    """Touch the job's pages and replace its contents."""
    cdef uint32_t place
    for place in range(job.touched_start, job.touched_end):
        touch_page(job.table, <uint32_t> batch.touched[place], job.turn)
    for place in range(job.contents_start, job.contents_end):
        take_content(job.table, &batch.contents[place], job.turn)


cdef inline void fetch_page(const Table *table, int64_t slot) noexcept nogil:
    if 0 <= slot < table.plan.capacity:
        prefetch(&table.records[slot])
        prefetch(&table.plan.states[slot])
        prefetch(&table.plan.taken.places[slot])
        prefetch(&table.plan.waiting.places[slot])


cdef inline void fetch_job(const Batch *batch, const Job *job) noexcept nogil:
    """Let the memory that a job looks at come, while other work is done."""
    cdef uint32_t place
    for place in range(job.touched_start, job.touched_end):
        fetch_page(job.table, batch.touched[place])
    for place in range(job.contents_start, job.contents_end):
        fetch_page(job.table, batch.contents[place].slot)
    prefetch(job.table.plan.taken.entries)
    prefetch(job.table.plan.waiting.entries)


cdef void run_jobs(const Batch *batch, Job *jobs, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t place
    for place in range(count):
        if place + 1 < count:
            fetch_job(batch, &jobs[place + 1])
        apply_job(batch, &jobs[place])
        decide(jobs[place].table, <uint64_t> jobs[place].budget, jobs[place].turn,
               &jobs[place].decision)


cdef int read_job(
    Batch *batch, Job *job, object budget, object turn, tuple touched, tuple contents
) except -1:
    """Read a turn's arguments; whether its pages are there is the table's to say."""
    memset(job, 0, sizeof(Job))
    job.budget, job.turn = as_budget(budget), as_turn(turn)
    job.touched_start, job.contents_start = batch.touched_count, batch.contents_count
    read_touched(batch, touched)
    read_contents(batch, contents)
    job.touched_end, job.contents_end = batch.touched_count, batch.contents_count
    return 0
