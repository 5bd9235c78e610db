# The page table's public face (twin: page_table.py, whose docstrings are the longer ones).

@cython.final
cdef class PageTable(_Selecting):
    """Pages of one session: what each level costs and is worth, and which level is resident.

    ``clawvm._reference.PageTable`` is the specification and tells each parameter.

    Thread safety: each public call is atomic; two calls in a row are not.
    """

    # -- Pages by id ------------------------------------------------------------------------------

    def put(self, page_id, tokens, quality, weight, *, page_type, pin, floor, digest, turn):
        """Add a page, or replace what is known of it; returns its slot. O(1)."""
        cdef PageFields fields
        cdef PageRecord *record
        cdef uint32_t slot
        cdef str text = as_page(
            page_id, tokens, quality, weight, page_type, pin, floor, digest, turn, &fields
        )
        read_id(text, &fields)
        with cython.critical_section(self):
            need_table(&self.table)
            slot = self.find_or_make_room(&fields)
            if slot == NO_SLOT:
                slot = self.add(&fields)
                record = &self.table.records[slot]
                record.digest[0], record.digest[1] = fields.digest[0], fields.digest[1]
            else:
                record = &self.table.records[slot]
                take_digest(record, fields.digest)
                unplan(&self.table, slot)
            set_ladder(&self.table, record, fields.tokens, fields.quality)
            record.page_type, record.pin, record.floor = fields.page_type, fields.pin, fields.floor
            see(&self.table, record, fields.turn)
            record.heat = log2_counted(&self.table, fields.weight)
            record.heat += turn_heat(record.last_turn, self.table.half_life)
            record.flags |= CHANGED
            replan(&self.table, slot)
            return slot

    def find(self, page_id):
        """Return the page's slot, -1 if there is none. O(1)."""
        return self.look_up(page_id)

    def slot(self, page_id):
        """Return the page's slot; raises `PageNotFound` if there is none."""
        cdef int64_t slot = self.look_up(page_id)
        if slot < 0:
            validate.refuse_id(validate.identifier(page_id)[0])
        return slot

    def page_id(self, slot):
        """Return the id of the page in this slot."""
        cdef int64_t number = as_slot(slot)
        with cython.critical_section(self):
            return id_text(&self.table, record_at(&self.table, number, slot))

    def __contains__(self, page_id):
        return self.look_up(page_id) >= 0

    def __len__(self):
        with cython.critical_section(self):
            return self.table.live

    def slots(self):
        """Return the slots that hold a page, ascending."""
        with cython.critical_section(self):
            need_table(&self.table)
            return live_slots(&self.table)

    def remove(self, slot):
        """Forget a page; its slot is the next that `put` gives to a new page. O(1) amortised."""
        cdef int64_t number = as_slot(slot)
        with cython.critical_section(self):
            record_at(&self.table, number, slot)
            drop_page(&self.table, <uint32_t> number)

    # -- Fields of one page -----------------------------------------------------------------------

    def touch(self, slot, turn):
        """Record that the page was used at this turn; an earlier turn changes nothing."""
        cdef uint32_t seen = as_turn(turn)
        cdef int64_t number = as_slot(slot)
        with cython.critical_section(self):
            record_at(&self.table, number, slot)
            touch_page(&self.table, <uint32_t> number, seen)

    def reweigh(self, slot, weight):
        """Replace the page's weight."""
        cdef uint32_t plain = as_weight(weight)
        cdef int64_t heat, number = as_slot(slot)
        cdef PageRecord *record
        with cython.critical_section(self):
            record = record_at(&self.table, number, slot)
            heat = log2_counted(&self.table, plain)
            heat += turn_heat(record.last_turn, self.table.half_life)
            if record.heat != heat:
                record.flags |= CHANGED
                reheat(&self.table, <uint32_t> number, heat)

    def advance(self, slot, version):
        """Count the page's contents up to `version`; a lower one changes nothing."""
        cdef uint32_t counted = as_version(version)
        cdef int64_t number = as_slot(slot)
        cdef PageRecord *record
        with cython.critical_section(self):
            record = record_at(&self.table, number, slot)
            if counted > record.version:
                record.version = counted
                record.flags |= CHANGED

    def set_pin(self, slot, pin):
        """Replace the page's pin: 0 (none), 1 (soft) or 2 (hard)."""
        cdef uint8_t plain = as_pin(pin)
        cdef int64_t number = as_slot(slot)
        cdef PageRecord *record
        with cython.critical_section(self):
            record = record_at(&self.table, number, slot)
            set_small(record, &record.pin, plain)
            rebase(&self.table, <uint32_t> number)

    def set_floor(self, slot, floor):
        """Replace the level that a hard pin holds the page at, or above."""
        cdef uint8_t plain = as_floor(floor)
        cdef int64_t number = as_slot(slot)
        cdef PageRecord *record
        with cython.critical_section(self):
            record = record_at(&self.table, number, slot)
            set_small(record, &record.floor, plain)
            rebase(&self.table, <uint32_t> number)

    def demand(self, slot, level):
        """Require the page at this level or above in the next feasible `select`."""
        cdef uint32_t plain = as_level(level)
        cdef int64_t number = as_slot(slot)
        cdef PageRecord *record
        with cython.critical_section(self):
            record = record_at(&self.table, number, slot)
            if plain > record.demand:
                if record.demand == 0:
                    list_slot(&self.table.plan, &self.table.plan.demanded, <uint32_t> number)
                record.demand = <uint8_t> plain
                rebase(&self.table, <uint32_t> number)

    def clear_demands(self):
        """Drop all demands. O(demands)."""
        with cython.critical_section(self):
            need_table(&self.table)
            drop_demands(&self.table)

    def level(self, slot):
        """Return the page's resident level."""
        cdef int64_t number = as_slot(slot)
        with cython.critical_section(self):
            return record_at(&self.table, number, slot).level

    def set_level(self, slot, level):
        """Set the resident level without a selection: 0, or a level that the ladder has."""
        cdef uint32_t plain = as_level(level)
        cdef int64_t number = as_slot(slot)
        cdef PageRecord *record
        with cython.critical_section(self):
            record = record_at(&self.table, number, slot)
            need_level(&self.table, record, plain)
            if plain != record.level:
                set_resident(&self.table, record, plain)
                unsettle(&self.table, <uint32_t> number)

    def admit(self, slots):
        """Make pages resident in full; returns those that were not, as moves in slot order."""
        cdef tuple given = tuple(slots)
        cdef list moves = []
        cdef PageRecord *record
        cdef int64_t number
        with cython.critical_section(self):
            for slot in given:
                record_at(&self.table, as_slot(slot), slot)
            for slot in given:
                # Reading may run code that uses the table: the record is looked up after it.
                number = as_slot(slot)
                record = record_at(&self.table, number, slot)
                if record.level < LEVEL_FULL:
                    moves.append((number, record.level, LEVEL_FULL))
                    record = record_at(&self.table, number, slot)
                    set_resident(&self.table, record, LEVEL_FULL)
                    unsettle(&self.table, <uint32_t> number)
        moves.sort()
        return moves

    def tokens(self, slot, level):
        """Return the tokens of one level, 0 for level 0; a missing level is `LadderInvalid`."""
        cdef uint32_t plain = as_level(level)
        cdef int64_t number = as_slot(slot)
        cdef PageRecord *record
        with cython.critical_section(self):
            record = record_at(&self.table, number, slot)
            need_level(&self.table, record, plain)
            return tokens_at(record, plain)

    @property
    def used_tokens(self):
        """Tokens of all pages at their resident levels."""
        with cython.critical_section(self):
            return self.table.used_tokens

    def version(self, slot):
        """Return how many contents the page has had."""
        cdef int64_t number = as_slot(slot)
        with cython.critical_section(self):
            return record_at(&self.table, number, slot).version

    def digest(self, slot):
        """Return the 16 bytes that identify the page's content."""
        cdef int64_t number = as_slot(slot)
        with cython.critical_section(self):
            return digest_bytes(record_at(&self.table, number, slot))

    def value(self, slot, level, turn):
        """Return what the page is worth at a level and turn, an exact integer."""
        cdef uint32_t seen = as_turn(turn)
        cdef uint32_t plain = as_level(level)
        cdef int64_t number = as_slot(slot)
        cdef PageRecord *record
        cdef Wide total
        total.high = total.low = 0
        with cython.critical_section(self):
            record = record_at(&self.table, number, slot)
            need_level(&self.table, record, plain)
            add_product(
                &total, score(record.heat, now_of(&self.table, seen)), quality_at(record, plain)
            )
            return as_int(&total)

    def required_level(self, slot):
        """Return the least level of the next plan: the floor if pinned hard, or a demand above."""
        cdef int64_t number = as_slot(slot)
        with cython.critical_section(self):
            return required_level(record_at(&self.table, number, slot))

    # -- Several pages at once --------------------------------------------------------------------

    def below_floor(self, slots):
        """Return those of some slots whose page is at a lower level than its floor."""
        cdef list below = []
        cdef PageRecord *record
        cdef int64_t number
        with cython.critical_section(self):
            for slot in slots:
                # Reading may run code that uses the table: the record is looked up after it.
                number = as_slot(slot)
                record = record_at(&self.table, number, slot)
                if record.level < record.floor:
                    below.append(number)
        return below

    def next_gains(self, slots, turn):
        """Return what the next dearer level of some pages would add, 0 for one at full."""
        cdef uint32_t seen = as_turn(turn)
        cdef tuple given = tuple(slots)
        cdef list numbers = [as_slot(slot) for slot in given]
        cdef list gains = []
        cdef Py_ssize_t place
        cdef int64_t now
        with cython.critical_section(self):
            need_table(&self.table)
            now = now_of(&self.table, seen)
            for place in range(len(given)):
                gains.append(next_gain(&self.table, now, numbers[place], given[place]))
        return gains

    def least_earner(self, spared, turn):
        """Return the slot of the resident page of least value per token, -1 if there is none."""
        cdef uint32_t best, seen = as_turn(turn)
        cdef tuple given = tuple(spared)
        cdef list numbers = [as_slot(slot) for slot in given]
        with cython.critical_section(self):
            need_table(&self.table)
            need_pages(&self.table, given, numbers)
            mark_spared(&self.table, numbers, True)
            best = least_earner(&self.table, now_of(&self.table, seen))
            mark_spared(&self.table, numbers, False)
        return -1 if best == NO_SLOT else <int64_t> best

    # -- Making one of a dump ---------------------------------------------------------------------

    @classmethod
    def restore(cls, meta, slots, records, page_ids):
        """Make a table that goes on as the dumped one would have. O(pages)."""
        # Loaded at the first restoring: importing the library need not wait for it.
        from clawvm._reference import restoring

        cdef object shape = restoring.shape(meta, slots, records, page_ids)
        cdef PageTable made = PageTable(
            half_life=shape.half_life, capacity=max(shape.end, 1)
        )
        restore_table(&made.table, restoring, shape, records)
        return made

    # -- Inspection -------------------------------------------------------------------------------

    def record(self, slot):
        """Return the fields of one record by name."""
        cdef int64_t number = as_slot(slot)
        with cython.critical_section(self):
            return fields_of(record_at(&self.table, number, slot)[0])

    def records(self):
        """Return a copy of the live records in slot order, as a numpy array of `record_dtype`."""
        from numpy import empty

        cdef uint32_t live = NO_SLOT
        cdef object array = None
        with cython.critical_section(self):
            need_table(&self.table)
            while live != self.table.live:
                live = self.table.live
                array = empty(live, self.dtype)
                self.copy_live(array)
        return array

    @property
    def nbytes(self):
        """Bytes that records, index, ids and the plan take."""
        with cython.critical_section(self):
            return (
                <uint64_t> self.table.capacity * sizeof(PageRecord)
                + (<uint64_t> self.table.index_mask + 1) * sizeof(uint32_t)
                + plan_bytes(&self.table.plan)
                + self.table.arena_capacity
            )

    @property
    def stats(self):
        """Work done so far; the twin tells of what."""
        with cython.critical_section(self):
            return {
                "probes": self.table.probes,
                "resizes": self.table.resizes,
                "compactions": self.table.compactions,
                "log2": self.table.logarithms,
                "selects": self.table.selects,
                "steps": self.table.plan.steps,
                "frontiers": self.table.plan.frontiers,
                "allocations": self.table.plan.allocations,
            }

    def check(self):
        """Walk every invariant; raises ``AssertionError`` with a dump of the state. O(N)."""
        with cython.critical_section(self):
            need_table(&self.table)
            need_order(self)

    # -- Hooks for tests --------------------------------------------------------------------------

    def _poke(self, slot, field, value):
        """Overwrite one plain field of a record, whatever comes of it."""
        self.array[field][slot] = value

    def _limit(self, pages, id_bytes):
        """Lower the limits of this table, so that a test can reach them."""
        self.table.pages_max, self.table.id_bytes_max = pages, id_bytes

    # -- Parts of the above -----------------------------------------------------------------------

    cdef int64_t look_up(self, object page_id) except -2:
        cdef PageFields fields
        cdef uint32_t slot
        cdef str text = as_id(page_id)
        read_id(text, &fields)
        with cython.critical_section(self):
            need_table(&self.table)
            slot = find_slot(&self.table, fields.id_bytes, fields.id_length, fields.id_hash)
        return -1 if slot == NO_SLOT else <int64_t> slot

    cdef int64_t find_or_make_room(self, const PageFields *fields) except -1:
        """Return the slot of an id, or NO_SLOT when it is new and there is room for it."""
        cdef Table *table = &self.table
        cdef uint32_t slot
        while True:
            slot = find_slot(table, fields.id_bytes, fields.id_length, fields.id_hash)
            if slot != NO_SLOT:
                return slot
            if table.live >= table.pages_max:
                validate.refuse_pages(table.pages_max)
            if table.arena_used + <uint64_t> fields.id_length > table.id_bytes_max:
                validate.refuse_arena(table.id_bytes_max)
            if table.free_slot != NO_SLOT or table.end < table.capacity:
                return NO_SLOT
            self.grow()

    cdef int grow(self) except -1:
        """Enlarge the array of records.

        Making a numpy array may run other code (a garbage collection's finalizers, another thread)
        and that code may use this table. So all that comes first, and the table changes hands
        after it, unless it has grown by then.
        """
        import numpy

        cdef uint32_t capacity = min(grown(self.table.capacity, GROWTH_MIN), PAGES_MAX)
        cdef object array = numpy.zeros(capacity, self.dtype)
        cdef PageRecord[::1] records = array
        if capacity > self.table.capacity:
            if self.table.plan.made:
                reserve_plan(&self.table.plan, capacity)
            memcpy(&records[0], self.table.records, self.table.end * sizeof(PageRecord))
            self.table.records, self.table.capacity = &records[0], capacity
            self.table.resizes += 1
            self.array = array
        return 0

    cdef int copy_live(self, PageRecord[::1] copies) except -1:
        """Copy the live records, if there are still as many as `copies` takes."""
        cdef uint32_t slot, size = 0
        if copies.shape[0] == self.table.live:
            for slot in range(self.table.end):
                if self.table.records[slot].flags & LIVE:
                    copies[size] = self.table.records[slot]
                    size += 1
        return 0

    cdef int64_t add(self, const PageFields *fields) except -1:
        """Give a new page a slot, the one freed last if there is one, and a place for its id.

        Runs no Python code, like all that comes after it in `put`.
        """
        cdef Table *table = &self.table
        cdef PageRecord *record
        cdef uint32_t slot = table.free_slot
        reserve_arena(table, fields.id_length)
        if index_size(table.live + 1) > table.index_mask + 1:
            make_index(table, index_size(table.live + 1))
        if slot == NO_SLOT:
            slot = table.end
            table.end += 1
        else:
            table.free_slot = table.records[slot].id_offset
        record = &table.records[slot]
        record.version = 1
        record.id_offset, record.id_hash = table.arena_used, fields.id_hash
        record.id_length, record.flags = <uint16_t> fields.id_length, LIVE
        memcpy(table.arena + table.arena_used, fields.id_bytes, fields.id_length)
        table.arena_used += fields.id_length
        table.live += 1
        enter_slot(table, fields.id_hash, slot)
        return slot
