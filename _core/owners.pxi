# Whom the parts of messages belong to (twin: owners.py, whose docstrings are the longer ones).

cdef extern from "Python.h":
    PyObject *PyDict_SetDefault(object parts, object slot, object part) except NULL


def unpack_owners(data, where):
    """Return the positions of messages, as runs, and the owners of each message."""
    cdef Input source = input_of(data)
    cdef list runs, owners
    cdef Py_ssize_t place
    cdef object value
    try:
        if get_array(&source) != 2:
            raise Odd
        runs = PyList_New(get_array(&source))
        for place in range(len(runs)):
            value = get_whole(&source, 0, INT64_MAX)
            Py_INCREF(value)
            PyList_SET_ITEM(runs, place, value)
        owners = PyList_New(get_array(&source))
        for place in range(len(owners)):
            value = get_owners(&source)
            Py_INCREF(value)
            PyList_SET_ITEM(owners, place, value)
        if source.place != source.size:
            raise Odd
        return runs, owners
    except Odd:
        return twin_of("owners").unpack_owners(data, where)


cdef tuple get_owners(Input *source):
    """Return one message's; the collector need not look at tuples of numbers."""
    cdef int byte = get_byte(source)
    cdef tuple owners, owner
    cdef Py_ssize_t place
    if byte == 0xC0:
        return None
    owners = PyTuple_New(get_size(source, byte, 0x90, 15, 0xDC))
    for place in range(len(owners)):
        if get_array(source) != 2:
            raise Odd
        owner = (get_whole(source, -1, INT64_MAX), get_whole(source, 0, INT64_MAX))
        PyObject_GC_UnTrack(<void *> owner)
        Py_INCREF(owner)
        PyTuple_SET_ITEM(owners, place, owner)
    if len(owners):
        PyObject_GC_UnTrack(<void *> owners)
    return owners


cdef inline bint is_pair(object one) noexcept:
    return isinstance(one, tuple) and len(<tuple> one) == 2


def last_parts(rows):
    """Return for each slot that messages belong to the largest part of it that one is of."""
    cdef dict parts = {}
    cdef PyObject *known
    cdef object slot, part
    for row in rows:
        if row is None:
            continue
        if not is_pair(row) or type((<tuple> row)[1]) is not tuple:
            return twin_of("owners").last_parts(rows)
        for owner in <tuple> (<tuple> row)[1]:
            if not is_pair(owner):
                return twin_of("owners").last_parts(rows)
            slot, part = (<tuple> owner)[0], (<tuple> owner)[1]
            known = PyDict_SetDefault(parts, slot, part)
            if <PyObject *> part is not known and part > <object> known:
                parts[slot] = part
    return parts
