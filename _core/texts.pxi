# The texts of a container as MessagePack (twin: texts.py, whose docstrings are the longer ones).


def pack_texts(bytearray payload, texts, Py_ssize_t least):
    """Add an array of texts to the payload, but for the long ones, which are returned."""
    cdef list items = [], outside = [], outside_texts = []
    cdef Py_ssize_t size = 5, count
    cdef object text, item
    for text in texts:
        if PyUnicode_IS_COMPACT_ASCII(text):
            item, count = text, PyUnicode_GET_LENGTH(text)
        else:
            item = (<str> text).encode("utf-8", "surrogatepass")
            count = PyBytes_GET_SIZE(item)
        if least and count >= least:
            outside.append((<str> text).encode("ascii") if item is text else item)
            outside_texts.append(text)
            item, count = None, 0
        items.append(item)
        size += count + 5
    add_texts(payload, items, size)
    return outside, outside_texts


cdef int add_texts(bytearray payload, list items, Py_ssize_t most) except -1:
    """Write the items, in so many bytes at most."""
    cdef Py_ssize_t start = PyByteArray_GET_SIZE(payload), size
    cdef const char *data
    cdef char *target
    PyByteArray_Resize(payload, start + most)
    target = PyByteArray_AS_STRING(payload) + start
    target = put_size(target, len(items), 0x90, 15, 0xDC)
    for item in items:
        if item is None:
            target[0] = <char> 0xC0
            target += 1
            continue
        if type(item) is bytes:
            data, size = PyBytes_AS_STRING(item), PyBytes_GET_SIZE(item)
            target = put_binary_size(target, size)
        else:
            data, size = <const char *> PyUnicode_DATA(item), PyUnicode_GET_LENGTH(item)
            target = put_string_size(target, size)
        memcpy(target, data, size)
        target += size
    PyByteArray_Resize(payload, target - PyByteArray_AS_STRING(payload))
    return 0


def unpack_texts(data):
    """Return the texts of an array, None in the place of each that is not in it."""
    cdef Input source = input_of(data)
    cdef Py_ssize_t place, count
    cdef list texts
    cdef object text
    try:
        count = get_array(&source)
        texts = PyList_New(count)
        for place in range(count):
            text = get_item(&source)
            Py_INCREF(text)
            PyList_SET_ITEM(texts, place, text)
        if source.place != source.size:
            raise Odd
        return texts
    except (Odd, UnicodeDecodeError):
        return twin_of("texts").unpack_texts(data)


cdef object get_item(Input *source):
    cdef int byte = get_byte(source)
    cdef Py_ssize_t size
    if is_string(byte):
        return get_string(source, byte)
    if byte == 0xC0:
        return None
    if not 0xC4 <= byte <= 0xC6:
        raise Odd
    size = <Py_ssize_t> get_number(source, 1 << (byte - 0xC4))
    if size > source.size - source.place:
        raise Odd
    source.place += size
    return PyUnicode_DecodeUTF8(
        <const char *> source.data + source.place - size, size, "surrogatepass"
    )
