# Where the pages stand, and which of these places look different (twin: places.py).

cdef struct Place:
    uint32_t position
    uint32_t after    # number of the next place of the same page, from 1; 0 for none


cdef int64_t as_place_slot(object value) except? -1:
    cdef int64_t number = 0
    if read_whole(value, 0, PAGES_MAX - 1, &number):
        return number
    return validate.place_slot(value)


cdef int64_t as_position(object value, int64_t last) except? -1:
    """Read a position that comes after the last one."""
    cdef int64_t number = 0
    if read_whole(value, last + 1, POSITION_MAX, &number):
        return number
    return validate.position(value, last)


cdef void *lengthened(
    void *items, Py_ssize_t count, Py_ssize_t larger, Py_ssize_t size
) except NULL:
    """Return an array of more items, those that are new being zero."""
    cdef char *longer = <char *> PyMem_RawRealloc(items, larger * size)
    if longer == NULL:
        raise MemoryError()
    memset(longer + count * size, 0, (larger - count) * size)
    return longer


cdef inline Py_ssize_t larger_than(Py_ssize_t place) noexcept:
    return place + (place >> 3) + 64


cdef int by_number(const void *left, const void *right) noexcept nogil:
    cdef uint32_t one = (<const uint32_t *> left)[0], other = (<const uint32_t *> right)[0]
    return (one > other) - (one < other)


@cython.final
cdef class Places:
    """The positions at which pages stand, by slot, and those of them that are stale.

    Thread safety: each public call is atomic; two calls in a row are not.
    """

    cdef uint32_t *firsts     # by slot: number of the page's first place, from 1; 0 for none
    cdef Place *places
    cdef uint8_t *marks       # by position
    cdef uint32_t *listed     # the positions that are marked, in no order
    cdef Py_ssize_t slots, capacity, positions, listable
    cdef Py_ssize_t end, count
    cdef uint32_t unused      # number of a place that was given up, and so on by `after`

    def __dealloc__(self):
        PyMem_RawFree(self.firsts)
        PyMem_RawFree(self.places)
        PyMem_RawFree(self.marks)
        PyMem_RawFree(self.listed)

    def add(self, slot, position):
        """Note that the page in a slot stands at a position; once is enough."""
        cdef int64_t number = as_place_slot(slot), there = as_position(position, -1)
        cdef uint32_t *link
        cdef uint32_t added
        with cython.critical_section(self):
            added = self.place()
            if number >= self.slots:
                self.firsts = <uint32_t *> lengthened(
                    self.firsts, self.slots, larger_than(number), sizeof(uint32_t)
                )
                self.slots = larger_than(number)
            link = &self.firsts[number]
            while link[0] and self.places[link[0]].position != there:
                link = &self.places[link[0]].after
            if link[0] == 0:
                self.unused = self.places[added].after
                self.places[added].position, self.places[added].after = <uint32_t> there, 0
                link[0] = added

    def of(self, slot):
        """Return the positions at which the page in a slot stands, in the order of `add`."""
        cdef int64_t number = as_place_slot(slot)
        with cython.critical_section(self):
            return self.positions_of(number)

    def remove(self, slot):
        """Return the positions at which the page in a slot stood; now it stands nowhere."""
        cdef int64_t number = as_place_slot(slot)
        cdef list positions
        cdef uint32_t last
        with cython.critical_section(self):
            positions = self.positions_of(number)
            last = self.first_of(number)
            if last:
                while self.places[last].after:
                    last = self.places[last].after
                self.places[last].after = self.unused
                self.unused = self.firsts[number]
                self.firsts[number] = 0
            return positions

    def mark(self, position):
        """Note that what stands at a position looks different."""
        cdef int64_t place = as_position(position, -1)
        with cython.critical_section(self):
            self.list_position(place)

    def touch(self, slots):
        """Note that the pages in these slots look different."""
        cdef uint32_t number
        with cython.critical_section(self):
            for slot in slots:
                number = self.first_of(as_place_slot(slot))
                while number:
                    self.list_position(self.places[number].position)
                    number = self.places[number].after

    def stale(self):
        """Return the positions that look different, in order."""
        cdef Py_ssize_t place
        with cython.critical_section(self):
            if self.count:
                qsort(self.listed, self.count, sizeof(uint32_t), by_number)
            return [self.listed[place] for place in range(self.count)]

    def settle(self):
        """Count all of them as shown."""
        cdef Py_ssize_t number
        with cython.critical_section(self):
            for number in range(self.count):
                self.marks[self.listed[number]] = False
            self.count = 0

    cdef uint32_t first_of(self, int64_t slot) noexcept:
        return self.firsts[slot] if slot < self.slots else 0

    cdef list positions_of(self, int64_t slot):
        cdef list positions = []
        cdef uint32_t number = self.first_of(slot)
        while number:
            positions.append(self.places[number].position)
            number = self.places[number].after
        return positions

    cdef uint32_t place(self) except 0:
        """Return the number of a place that is free, and the next of which is the next free one."""
        if self.unused:
            return self.unused
        if self.end + 1 >= self.capacity:
            self.places = <Place *> lengthened(
                self.places, self.capacity, larger_than(self.end + 1), sizeof(Place)
            )
            self.capacity = larger_than(self.end + 1)
        self.end += 1
        self.unused = <uint32_t> self.end
        return self.unused

    cdef int list_position(self, int64_t place) except -1:
        if place >= self.positions:
            self.marks = <uint8_t *> lengthened(
                self.marks, self.positions, larger_than(place), sizeof(uint8_t)
            )
            self.positions = larger_than(place)
        if self.marks[place]:
            return 0
        if self.count == self.listable:
            self.listed = <uint32_t *> lengthened(
                self.listed, self.count, larger_than(self.count), sizeof(uint32_t)
            )
            self.listable = larger_than(self.count)
        self.marks[place] = True
        self.listed[self.count] = <uint32_t> place
        self.count += 1
        return 0
