# Objects with slots by the columns of their fields (twin: objects.py, whose docstrings are the
# longer ones).

cdef extern from *:
    """
    #include "structmember.h"

    #ifdef Py_GIL_DISABLED
    #define CLAWVM_FREE_THREADED 1
    #else
    #define CLAWVM_FREE_THREADED 0
    #endif

    /* Until 3.14 a dict that the collector need not track is tracked from the first value on that
       it has to. */
    #if PY_VERSION_HEX < 0x030E00A0
    #define CLAWVM_DICTS_TRACK_THEMSELVES 1
    #else
    #define CLAWVM_DICTS_TRACK_THEMSELVES 0
    #endif

    /* Where a slot's value stands in objects of that very kind; 0 where it is no such slot. */
    static Py_ssize_t clawvm_slot_offset(PyObject *member, PyObject *kind) {
        if (!Py_IS_TYPE(member, &PyMemberDescr_Type)
            || (PyObject *) PyDescr_TYPE(member) != kind
            || ((PyMemberDescrObject *) member)->d_member->type != T_OBJECT_EX) {
            return 0;
        }
        return ((PyMemberDescrObject *) member)->d_member->offset;
    }

    static PyObject *clawvm_blank(PyObject *kind, PyObject *nothing) {
        return PyBaseObject_Type.tp_new((PyTypeObject *) kind, nothing, NULL);
    }

    /* What the former comes to for a kind that it has made one of. */
    static PyObject *clawvm_another(PyObject *kind) {
        return ((PyTypeObject *) kind)->tp_alloc((PyTypeObject *) kind, 0);
    }
    """
    const bint FREE_THREADED "CLAWVM_FREE_THREADED"
    const bint DICTS_TRACK_THEMSELVES "CLAWVM_DICTS_TRACK_THEMSELVES"
    Py_ssize_t clawvm_slot_offset(object member, object kind)
    object clawvm_blank(object kind, object nothing)
    object clawvm_another(object kind)


cdef Py_ssize_t offset_of(type kind, object name) except -1:
    return clawvm_slot_offset(getattr(kind, name), kind)


cdef inline PyObject **slot_at(object one, Py_ssize_t offset) noexcept:
    return <PyObject **> (<char *> <void *> one + offset)


def get_slots(list objects, type kind, tuple names):
    """Return the values of each named slot of the objects, which are of that kind."""
    cdef list columns = [], column
    cdef Py_ssize_t offset, place
    cdef PyObject *value
    for one in objects:
        if type(one) is not kind:
            return twin_of("objects").get_slots(objects, kind, names)
    for name in names:
        offset = offset_of(kind, name)
        # Without a lock on it, another thread may take a value away while it is being read.
        if not offset or FREE_THREADED:
            return twin_of("objects").get_slots(objects, kind, names)
        column = PyList_New(len(objects))
        for place in range(len(objects)):
            value = slot_at(objects[place], offset)[0]
            if value is NULL:
                return twin_of("objects").get_slots(objects, kind, names)
            Py_INCREF(<object> value)
            PyList_SET_ITEM(column, place, <object> value)
        columns.append(column)
    return columns


def make_objects(type kind, tuple names, list columns):
    """Return objects whose slots hold what the columns say; no constructor is called."""
    cdef Py_ssize_t count = len(<list> columns[0]), place, number, offset
    cdef list made, column, offsets = []
    cdef object value
    cdef PyObject **slot
    if len(names) != len(columns):
        raise ValueError(f"the columns of a {kind.__name__} differ in length")
    for number in range(len(columns)):
        if len(<list> columns[number]) != count:
            raise ValueError(f"the columns of a {kind.__name__} differ in length")
        offsets.append(offset_of(kind, names[number]))
    if 0 in offsets:
        return twin_of("objects").make_objects(kind, names, columns)
    made = PyList_New(count)
    for place in range(count):
        value = clawvm_another(kind) if place else clawvm_blank(kind, ())
        Py_INCREF(value)
        PyList_SET_ITEM(made, place, value)
    for number in range(len(columns)):
        column, offset = columns[number], offsets[number]
        for place in range(count):
            value = column[place]
            slot = slot_at(made[place], offset)
            # It is filled if the column's slot was named twice.
            if slot[0] is NULL:
                Py_INCREF(value)
                slot[0] = <PyObject *> value
    if is_frozen(kind):
        for place in range(count):
            leave_alone(made[place], offsets)
    return made


cdef bint is_frozen(type kind) except -1:
    """Tell whether nobody may give the objects of a dataclass other values."""
    parameters = getattr(kind, "__dataclass_params__", None)
    return parameters is not None and parameters.frozen


cdef int leave_alone(object one, list offsets) except -1:
    """Have the garbage collector pass over an object that holds, for good, nothing it tracks."""
    cdef Py_ssize_t offset
    for offset in offsets:
        if PyObject_GC_IsTracked(<object> slot_at(one, offset)[0]):
            return 0
    PyObject_GC_UnTrack(<void *> one)
    return 0


def split_dicts(list dicts, tuple keys):
    """Return for each dict the place of its keys among `keys`, and the values of all in turn."""
    cdef list places = [], values = []
    cdef Py_ssize_t last = 0, place
    for one in dicts:
        if FREE_THREADED or type(one) is not dict:
            return twin_of("objects").split_dicts(dicts, keys)
        if not take_values(<dict> one, keys[last], values):
            for place in range(len(keys)):
                if take_values(<dict> one, keys[place], values):
                    last = place
                    break
            else:
                return twin_of("objects").split_dicts(dicts, keys)
        places.append(last)
    return places, values


cdef bint take_values(dict one, object keys, list values) except -1:
    """Add the dict's values, if these very objects are its keys, in this order."""
    cdef Py_ssize_t place = 0, index = 0, count = len(one)
    cdef PyObject *key = NULL
    cdef PyObject *value = NULL
    if keys is None or len(<tuple> keys) != count:
        return False
    while PyDict_Next(one, &index, &key, &value):
        if <PyObject *> (<tuple> keys)[place] is not key:
            # What was added is of other keys.
            del values[len(values) - place:]
            return False
        values.append(<object> value)
        place += 1
    return True


def join_dicts(list places, list values, tuple keys):
    """Return the dicts of `split_dicts`."""
    cdef list dicts = []
    cdef dict one
    cdef Py_ssize_t next_value = 0, count = len(values)
    cdef int64_t place
    cdef bint tracked
    for place in places:
        if not 0 <= place < len(keys) or keys[place] is None:
            raise ValueError("dicts have as many values as keys")
        if len(<tuple> keys[place]) > count - next_value:
            raise ValueError("dicts have as many values as keys")
        one = {}
        tracked = not DICTS_TRACK_THEMSELVES
        for key in <tuple> keys[place]:
            one[key] = values[next_value]
            tracked = tracked or PyObject_GC_IsTracked(values[next_value])
            next_value += 1
        if not tracked:
            # As the interpreter itself does with dicts of numbers and texts.
            PyObject_GC_UnTrack(<void *> one)
        dicts.append(one)
    if next_value != count:
        raise ValueError("dicts have as many values as keys")
    return dicts
