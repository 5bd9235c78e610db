# A binary heap of pages: the highest key on top, of equal keys the smaller id (in bytes of UTF-8).

cdef struct Entry:
    int64_t key
    uint32_t slot
    uint32_t gap      # tokens of the page's cheapest raise; the heap does not look at it


cdef inline bint above_of(const Table *table, const Entry *left, const Entry *right) noexcept nogil:
    if left.key != right.key:
        return left.key > right.key
    return compare_ids(table, left.slot, right.slot) < 0


cdef void sift_down(
    const Table *table, Entry *heap, uint32_t size, uint32_t hole, Entry entry
) noexcept nogil:
    """Put `entry` where it belongs at or below `hole`."""
    cdef uint32_t child = 2 * hole + 1
    while child < size:
        if child + 1 < size and above_of(table, &heap[child + 1], &heap[child]):
            child += 1
        if not above_of(table, &heap[child], &entry):
            break
        heap[hole] = heap[child]
        hole = child
        child = 2 * hole + 1
    heap[hole] = entry


cdef void heapify(const Table *table, Entry *heap, uint32_t size) noexcept nogil:
    cdef uint32_t hole = size // 2
    while hole:
        hole -= 1
        sift_down(table, heap, size, hole, heap[hole])


cdef uint32_t drop_top(const Table *table, Entry *heap, uint32_t size) noexcept nogil:
    """Remove the top; return the new size."""
    size -= 1
    if size:
        sift_down(table, heap, size, 0, heap[size])
    return size
