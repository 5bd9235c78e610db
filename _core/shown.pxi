# What a prompt shows (twin: shown.py, whose docstrings are the longer ones).

cdef enum:
    # A sum up to some position adds the totals of blocks, then the tokens within one.
    BLOCK_BITS = 8

cdef extern from "Python.h":
    PyObject *PyList_GET_ITEM(object values, Py_ssize_t place)


cdef int64_t as_shown_tokens(object value) except? -1:
    cdef int64_t number = 0
    if read_whole(value, 0, SHOWN_TOKENS_MAX, &number):
        return number
    return validate.tokens_shown(value)


@cython.final
@cython.trashcan(True)
cdef class Version:
    """The values of one prompt, for as long as somebody holds it."""

    cdef Version newer
    # Where the newer one differs, and what stood there; None for nothing.
    cdef list places, values


@cython.final
cdef class Shown:
    """The values that the last prompt showed, by position, with what they cost.

    Thread safety: versions may be read by any thread at any time; one thread at a time changes.
    """

    cdef list values          # by position; None where nothing is shown
    cdef int64_t *costs       # by position
    cdef int64_t *totals      # by block
    cdef Py_ssize_t capacity  # of the two, in positions
    cdef int64_t sum
    cdef Version newest

    def __cinit__(self):
        self.values = []
        self.newest = Version.__new__(Version)

    def __dealloc__(self):
        PyMem_RawFree(self.costs)
        PyMem_RawFree(self.totals)

    @property
    def tokens(self):
        """Tokens of all values that are shown."""
        return self.sum

    @property
    def version(self):
        """What is shown now; it stays readable as it is now."""
        with cython.critical_section(self):
            return self.newest

    def get(self, position):
        """Return a value and its tokens; None where nothing is shown."""
        cdef int64_t place = as_position(position, -1)
        with cython.critical_section(self):
            value = self.at(place)
            return None if value is None else (value, self.costs[place])

    def change(self, values):
        """Show other values; returns the tokens before the first that is not the same any more."""
        cdef list places = [], news = [], costs = [], lasts = []
        cdef int64_t place = -1, cost
        with cython.critical_section(self):
            # Comparing may run other code: nothing is changed before all of it is done.
            for position, value, tokens in values:
                place = as_position(position, place)
                cost = 0 if value is None else as_shown_tokens(tokens)
                last = self.at(place)
                # Most of what differs costs another sum: no need to look at it.
                if last is value or cost == self.cost_at(place) and last == value:
                    continue
                places.append(place)
                news.append(value)
                costs.append(cost)
                lasts.append(last)
            return self.changed(places, news, costs, lasts) if places else self.sum

    def split(self, Version version not None, Py_ssize_t start):
        """Return the values of a version in order, those before the position `start` apart."""
        cdef list values
        cdef Py_ssize_t middle
        with cython.critical_section(self):
            values = self.as_of(version)
            middle = min(max(start, 0), len(values))
            return there(values, 0, middle), there(values, middle, len(values))

    cdef object at(self, int64_t place):
        return self.values[place] if place < len(self.values) else None

    cdef int64_t cost_at(self, int64_t place) noexcept:
        return self.costs[place] if place < self.capacity else 0

    cdef int64_t changed(self, list places, list news, list costs, list lasts) except -1:
        """Put values in the places of the last ones; returns the tokens before the first place."""
        cdef Version newer = Version.__new__(Version)
        cdef int64_t kept, place, more
        cdef Py_ssize_t number
        self.reserve(<int64_t> places[len(places) - 1] + 1)
        kept = self.before(places[0])
        for number in range(len(places)):
            place = places[number]
            self.values[place] = news[number]
            more = <int64_t> costs[number] - self.costs[place]
            self.costs[place] += more
            self.totals[place >> BLOCK_BITS] += more
            self.sum += more
        self.newest.places, self.newest.values, self.newest.newer = places, lasts, newer
        self.newest = newer
        return kept

    cdef int64_t before(self, int64_t place) noexcept:
        """Return the tokens of the values before a place that there is."""
        cdef int64_t tokens = 0, block = place >> BLOCK_BITS, number
        for number in range(block):
            tokens += self.totals[number]
        for number in range(block << BLOCK_BITS, place):
            tokens += self.costs[number]
        return tokens

    cdef int reserve(self, int64_t count) except -1:
        """Have at least so many places."""
        cdef Py_ssize_t blocks
        if count > self.capacity:
            # Whole blocks, and an eighth more than there are.
            blocks = ((count + (count >> 3)) >> BLOCK_BITS) + 1
            self.costs = <int64_t *> lengthened(
                self.costs, self.capacity, blocks << BLOCK_BITS, sizeof(int64_t)
            )
            self.totals = <int64_t *> lengthened(
                self.totals, self.capacity >> BLOCK_BITS, blocks, sizeof(int64_t)
            )
            self.capacity = blocks << BLOCK_BITS
        while len(self.values) < count:
            self.values.append(None)
        return 0

    cdef list as_of(self, Version version):
        """Return the values of a version by position."""
        cdef list values
        cdef dict older = {}
        cdef Version node = version
        cdef Py_ssize_t number
        cdef int64_t place
        while node.newer is not None:
            for number in range(len(node.places)):
                older.setdefault(node.places[number], node.values[number])
            node = node.newer
        if node is not self.newest:
            validate.refuse_version()
        if not older:
            return self.values
        values = self.values[:]
        for position, value in older.items():
            place = position
            values[place] = value
        return values


cdef list there(list values, Py_ssize_t begin, Py_ssize_t end):
    """Return the values of a range that are something."""
    cdef Py_ssize_t place, count = 0, number = 0
    cdef list found
    for place in range(begin, end):
        count += PyList_GET_ITEM(values, place) is not <PyObject *> None
    found = PyList_New(count)
    for place in range(begin, end):
        if PyList_GET_ITEM(values, place) is not <PyObject *> None:
            Py_INCREF(values[place])
            PyList_SET_ITEM(found, number, values[place])
            number += 1
    return found
