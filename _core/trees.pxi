# JSON trees as MessagePack (twin: trees.py, whose docstrings are the longer ones).

cdef extern from *:
    """
    #define CLAWVM_TEXT_CHARS_MIN 64
    #define CLAWVM_DEPTH_MAX 100
    #define CLAWVM_EXTENSION_TEXT 1
    #define CLAWVM_KEYS 128
    """
    const int TEXT_CHARS_MIN "CLAWVM_TEXT_CHARS_MIN"
    const int DEPTH_MAX "CLAWVM_DEPTH_MAX"
    const int EXTENSION_TEXT "CLAWVM_EXTENSION_TEXT"
    const int KEYS "CLAWVM_KEYS"


def pack_trees(bytearray payload, list trees, dict numbers, what, names):
    """Add an array of trees to the payload, long texts replaced by their numbers."""
    cdef Output out
    cdef Py_ssize_t place, start, known
    cdef bytes packed
    if len(names) != len(trees):
        raise ValueError(f"{len(trees)} trees have {len(names)} names")
    memset(&out, 0, sizeof(Output))
    try:
        put_array(&out, len(trees))
        for place in range(len(trees)):
            start, known = out.size, len(numbers)
            try:
                put_tree(&out, trees[place], numbers, DEPTH_MAX)
            except (Odd, UnicodeEncodeError):
                # The twin may come to the texts in another order: it writes long keys as texts
                # where one key has a lone surrogate.
                while len(numbers) > known:
                    numbers.popitem()
                packed = twin_of("trees").pack_tree(
                    trees[place], numbers, f"{what} {names[place]!r}"
                )
                out.size = start
                make_room(&out, len(packed))
                memcpy(out.data + start, PyBytes_AS_STRING(packed), len(packed))
                out.size += len(packed)
        hand_over(&out, payload)
    finally:
        PyMem_Free(out.data)


cdef object twin_of(name):
    # Not with the module: only what is unusual needs it.
    from importlib import import_module

    return import_module("clawvm._reference." + name)


cdef int put_tree(Output *out, object node, dict numbers, int depth) except -1:
    cdef object kind = type(node)
    if kind is str:
        put_text(out, node, numbers)
    elif kind is dict:
        if not depth:
            raise Odd
        with cython.critical_section(node):
            put_dict(out, <dict> node, numbers, depth - 1)
    elif kind is list:
        if not depth:
            raise Odd
        with cython.critical_section(node):
            put_list(out, <list> node, numbers, depth - 1)
    elif kind is int:
        put_whole(out, node)
    elif node is None:
        put_byte(out, 0xC0)
    elif node is True:
        put_byte(out, 0xC3)
    elif node is False:
        put_byte(out, 0xC2)
    elif kind is float:
        put_float(out, node)
    else:
        raise Odd
    return 0


cdef int put_dict(Output *out, dict node, dict numbers, int depth) except -1:
    cdef Py_ssize_t left = len(node)
    put_map(out, left)
    for key, value in node.items():
        if type(key) is not str:
            raise Odd
        put_string(out, key)
        put_tree(out, value, numbers, depth)
        left -= 1
    if left:
        raise Odd
    return 0


cdef int put_list(Output *out, list node, dict numbers, int depth) except -1:
    cdef Py_ssize_t left = len(node)
    put_array(out, left)
    for value in node:
        put_tree(out, value, numbers, depth)
        left -= 1
    if left:
        raise Odd
    return 0


cdef int put_whole(Output *out, object number) except -1:
    cdef int overflow = 0
    cdef int64_t value = PyLong_AsLongLongAndOverflow(number, &overflow)
    if overflow:
        raise Odd
    return put_integer(out, value)


cdef int put_float(Output *out, double value) except -1:
    cdef uint64_t bits = 0
    memcpy(&bits, &value, sizeof(double))
    put_byte(out, 0xCB)
    make_room(out, 8)
    put_number(out.data + out.size, bits, 8)
    out.size += 8
    return 0


cdef inline bint is_short(object text) noexcept:
    """Tell whether a text stands as it is without a closer look at it."""
    return PyUnicode_GET_LENGTH(text) < TEXT_CHARS_MIN and PyUnicode_IS_COMPACT_ASCII(text)


cdef int put_text(Output *out, object text, dict numbers) except -1:
    if is_short(text):
        return put_string(out, text)
    if PyUnicode_GET_LENGTH(text) < TEXT_CHARS_MIN and put_plain(out, text):
        return 0
    return put_text_number(out, number_of(numbers, text))


cdef bint put_plain(Output *out, object text) except -1:
    """Write a text as it is; tell whether that could be done."""
    try:
        put_string(out, text)
    except UnicodeEncodeError:
        return False
    return True


cdef int put_text_number(Output *out, int64_t number) except -1:
    """Write the extension that stands for a text: its number in decimal digits."""
    cdef char[20] digits
    cdef int count = 0
    cdef char *target
    while True:
        digits[19 - count] = <char> (48 + number % 10)
        number //= 10
        count += 1
        if not number:
            break
    make_room(out, 23)
    target = out.data + out.size
    if count == 1 or count == 2 or count == 4 or count == 8:
        target[0] = <char> (0xD4 + (count > 1) + (count > 2) + (count > 4))
    else:
        target[0], target[1] = <char> 0xC7, <char> count
        target += 1
    target[1] = <char> EXTENSION_TEXT
    memcpy(target + 2, digits + 20 - count, count)
    out.size = target + 2 + count - out.data
    return 0


def unpack_trees(data, list texts, where):
    """Return the trees of an array, the texts that they refer to in their places."""
    cdef Input source = input_of(data)
    cdef list keys = [None] * KEYS
    cdef list trees
    try:
        trees = get_list(&source, get_array(&source), texts, keys, DEPTH_MAX)
        if source.place != source.size:
            raise Odd
        return trees
    except (Odd, UnicodeDecodeError):
        return twin_of("trees").unpack_trees(data, texts, where)


cdef list get_list(Input *source, Py_ssize_t count, list texts, list keys, int depth):
    cdef list values = PyList_New(count)
    cdef Py_ssize_t place
    cdef object value
    for place in range(count):
        value = get_tree(source, texts, keys, depth)
        Py_INCREF(value)
        PyList_SET_ITEM(values, place, value)
    return values


cdef object get_tree(Input *source, list texts, list keys, int depth):
    cdef int byte = get_byte(source)
    cdef uint64_t bits = 0
    cdef double value = 0
    if is_string(byte):
        return get_string(source, byte)
    if is_integer(byte):
        return get_integer(source, byte)
    if byte == 0xC0:
        return None
    if byte == 0xC3:
        return True
    if byte == 0xC2:
        return False
    if byte == 0xCB:
        bits = get_number(source, 8)
        memcpy(&value, &bits, sizeof(double))
        return value
    if 0xD4 <= byte <= 0xD8 or byte == 0xC7:
        return get_text(source, byte, texts)
    if not depth:
        raise Odd
    if 0x90 <= byte <= 0x9F or byte == 0xDC or byte == 0xDD:
        return get_list(
            source, get_size(source, byte, 0x90, 15, 0xDC), texts, keys, depth - 1
        )
    return get_dict(source, get_size(source, byte, 0x80, 15, 0xDE), texts, keys, depth - 1)


cdef dict get_dict(Input *source, Py_ssize_t count, list texts, list keys, int depth):
    cdef dict node = {}
    cdef object key
    for _ in range(count):
        key = get_key(source, keys)
        node[key] = get_tree(source, texts, keys, depth)
    return node


cdef object get_key(Input *source, list keys):
    """Return a key of a dict: messages have the same few again and again."""
    cdef int byte = get_byte(source)
    cdef Py_ssize_t size = get_string_size(source, byte), place
    cdef const char *data = <const char *> source.data + source.place
    cdef object key
    source.place += size
    if not 0 < size < TEXT_CHARS_MIN:
        return PyUnicode_DecodeUTF8(data, size, NULL)
    place = (size + 7 * data[0] + 31 * data[size - 1]) & (KEYS - 1)
    key = keys[place]
    if (
        key is not None
        and PyUnicode_IS_COMPACT_ASCII(key)
        and PyUnicode_GET_LENGTH(key) == size
        and memcmp(PyUnicode_DATA(key), data, size) == 0
    ):
        return key
    key = PyUnicode_DecodeUTF8(data, size, NULL)
    keys[place] = key
    return key


cdef object get_text(Input *source, int byte, list texts):
    """Return the text of an extension that is the number of one."""
    cdef int count = get_byte(source) if byte == 0xC7 else 1 << (byte - 0xD4)
    cdef Py_ssize_t number = 0
    cdef int digit
    if not 0 < count < 10 or get_byte(source) != EXTENSION_TEXT:
        raise Odd
    for _ in range(count):
        digit = get_byte(source) - 48
        if not 0 <= digit <= 9:
            raise Odd
        number = 10 * number + digit
    if not 0 < number < len(texts):
        raise Odd
    return texts[number]
