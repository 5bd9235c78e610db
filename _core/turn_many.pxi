# Turns of many tables in one call (twin: turns.py). While the GIL is released each table is held:
# whoever calls it is refused.

cdef int hold(
    PageTable page_table, Py_ssize_t number, const Batch *batch, Job *job, tuple touched,
    tuple contents,
) except -1:
    """Keep everybody else away from a table that is in order for its job."""
    job.table = &page_table.table
    with cython.critical_section(page_table):
        if job.table.held:
            validate.refuse_table(number)
        check_job(job.table, batch, job, touched, contents)
        reserve_plan(&job.table.plan, job.table.capacity)
        job.table.held = True
    return 0


cdef int release(PageTable page_table, const Job *job) except -1:
    """Let the others come to a table again."""
    with cython.critical_section(page_table):
        if job.decision.feasible:
            close_selection(job.table)
        job.table.held = False
    return 0


cdef list run_batch(Batch *batch, Job *jobs, list tables, list touched, list contents):
    """Make the turns of a batch that has been read."""
    cdef Py_ssize_t place, held = 0, count = len(tables)
    cdef const SlotList *moved
    cdef list told = []
    try:
        for place in range(count):
            hold(tables[place], place, batch, &jobs[place], touched[place], contents[place])
            held += 1
        with nogil:
            run_jobs(batch, jobs, count)
        for place in range(count):
            moved = &jobs[place].table.plan.moved
            told.append(
                packed_moves(moved.slots, moved.count) if jobs[place].decision.feasible else None
            )
    finally:
        for place in range(held):
            release(tables[place], &jobs[place])
    return told


def turn_many(tables, budgets, turns, touched, contents=None):
    """Make one turn of each table without the GIL; returns each table's packed moves, or None."""
    cdef list many = list(tables)
    cdef Py_ssize_t place, count = len(many)
    cdef list many_contents = [()] * count if contents is None else [tuple(one) for one in contents]
    cdef list many_touched = [tuple(one) for one in touched]
    cdef list many_budgets = list(budgets)
    cdef list many_turns = list(turns)
    cdef Batch batch
    cdef Job *jobs = NULL
    validate.same_lengths(
        count, len(many_contents), len(many_budgets), len(many_turns), len(many_touched)
    )
    validate.same_kind(many, PageTable)
    start_batch(&batch)
    try:
        jobs = <Job *> PyMem_Malloc((count + 1) * sizeof(Job))
        if jobs == NULL:
            raise MemoryError()
        for place in range(count):
            read_job(
                &batch, &jobs[place], many_budgets[place], many_turns[place], many_touched[place],
                many_contents[place],
            )
        return run_batch(&batch, jobs, many, many_touched, many_contents)
    finally:
        PyMem_Free(jobs)
        free_batch(&batch)
