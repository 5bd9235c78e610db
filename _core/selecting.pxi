# The part of a page table that decides levels, and tells and saves what has changed (twin:
# selecting.py and persistence.py, whose docstrings are the longer ones).

cdef class _Selecting:
    """The part of `PageTable` that decides which level of each page is resident."""

    cdef Table table
    cdef ExactScratch exact
    cdef object dtype
    cdef object array     # the numpy array that owns table.records

    def __cinit__(self, *, half_life=HALF_LIFE, capacity=64):
        cdef PageRecord[::1] records
        import numpy

        memset(&self.table, 0, sizeof(Table))
        memset(&self.exact, 0, sizeof(ExactScratch))
        self.table.half_life = validate.half_life(half_life)
        self.table.capacity = validate.capacity(capacity)
        self.table.pages_max, self.table.id_bytes_max = PAGES_MAX, ARENA_MAX
        self.table.free_slot = NO_SLOT
        self.table.plan.split_key = INT64_MAX
        self.dtype = record_dtype()
        self.array = numpy.zeros(self.table.capacity, self.dtype)
        records = self.array
        self.table.records = &records[0]
        make_index(&self.table, index_size(self.table.capacity))

    def __dealloc__(self):
        PyMem_Free(self.table.index)
        PyMem_Free(self.table.arena)
        free_exact(&self.exact)
        free_plan(&self.table.plan)

    # -- Selection --------------------------------------------------------------------------------

    def select(self, budget, turn):
        """Decide every page's level within a budget and make the levels resident.

        O(changes log N), of what has changed since the last call and of what does now.
        """
        cdef int64_t tokens = as_budget(budget)
        cdef uint32_t now = as_turn(turn)
        with cython.critical_section(self):
            need_table(&self.table)
            return self.selected(tokens, now)

    def turn(self, budget, turn, touched=(), contents=()):
        """Touch pages, replace contents (slot, text, tokens, quality) and select, in one call."""
        cdef tuple slots = tuple(touched)
        cdef tuple texts = tuple(contents)
        cdef Batch batch
        cdef Job job
        start_batch(&batch)
        try:
            read_job(&batch, &job, budget, turn, slots, texts)
            job.table = &self.table
            with cython.critical_section(self):
                need_table(&self.table)
                fetch_job(&batch, &job)
                check_job(&self.table, &batch, &job, slots, texts)
                apply_job(&batch, &job)
                return self.selected(job.budget, job.turn)
        finally:
            free_batch(&batch)

    def select_exact(self, budget, turn, *, states_max=262144):
        """Decide every page's level within a budget as well as can be, and prove it."""
        cdef int64_t now, tokens = as_budget(budget)
        cdef uint32_t seen = as_turn(turn), states = as_states(states_max)
        cdef ExactSelection selection = ExactSelection.__new__(ExactSelection)
        cdef Search search
        selection.budget = tokens
        memset(&search, 0, sizeof(Search))
        with cython.critical_section(self):
            need_table(&self.table)
            # The scratch is this call's alone until the lists are made of it: making them may run
            # other code, which may select.
            search.table, search.states_max, search.scratch = &self.table, states, self.exact
            memset(&self.exact, 0, sizeof(ExactScratch))
            try:
                reserve_exact(&search.scratch, self.table.capacity)
                now = now_of(&self.table, seen)
                decide_exactly(
                    &self.table, &search, <uint64_t> tokens, now, &selection.decision
                )
                tell_exactly(&search, now, selection)
            finally:
                free_exact(&self.exact)
                self.exact = search.scratch
        return selection

    # -- Persistence ------------------------------------------------------------------------------

    def changed(self):
        """Return the slots whose record, live or freed, has changed since `settle`. O(pages)."""
        with cython.critical_section(self):
            need_table(&self.table)
            return changed_slots(&self.table)

    def settle(self):
        """Count every record as unchanged from now on. O(pages)."""
        with cython.critical_section(self):
            need_table(&self.table)
            settle_records(&self.table)

    def dump(self, slots):
        """Return the records in these slots, 88 bytes each, the same for the same state."""
        cdef tuple given = tuple(slots)
        cdef list numbers = [as_slot(slot) for slot in given]
        with cython.critical_section(self):
            need_table(&self.table)
            return dump_records(&self.table, given, numbers)

    def meta(self):
        """Return what belongs to no record: half_life, clock, end, free."""
        with cython.critical_section(self):
            return {
                "half_life": self.table.half_life,
                "clock": self.table.clock,
                "end": self.table.end,
                "free": freed_slots(&self.table),
            }

    # -- Parts of the above -----------------------------------------------------------------------

    cdef Selection selected(self, int64_t budget, uint32_t turn):
        cdef Selection selection = Selection.__new__(Selection)
        cdef bytes before = None, after = None
        cdef object expected = None
        selection.budget = budget
        if CHECKED:
            before = looks_of(&self.table)
            expected = expected_outcome(&self.table, before, <uint64_t> budget, turn)
            need_table(&self.table)
            if looks_of(&self.table) != before:
                expected = None
        reserve_plan(&self.table.plan, self.table.capacity)
        decide(&self.table, <uint64_t> budget, turn, &selection.decision)
        if CHECKED:
            after = looks_of(&self.table)
        tell(&self.table, selection)
        if CHECKED and expected is not None:
            check_selection(selection, after, expected)
            need_order(self)
        return selection
