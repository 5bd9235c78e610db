"""Tables and functions of the PostgreSQL store, as numbered migrations.

Everything is plain SQL and PL/pgSQL, which every database has: no extension and no right beyond
that of creating tables in one schema. Names are not qualified, so that ``search_path`` decides.
"""

from __future__ import annotations

__all__ = ["ENCODING", "MIGRATIONS", "MIGRATION_LOCK", "TENANT_LOCK"]

ENCODING = "UTF8"

# First halves of advisory lock keys; the second one is a hash of the schema, or of the tenant.
MIGRATION_LOCK = 0x0C1A0001
TENANT_LOCK = 0x0C1A0002

TABLES = """
CREATE TABLE clawvm_meta (
    the_only boolean PRIMARY KEY DEFAULT true CHECK (the_only),
    version integer NOT NULL,
    codec text NOT NULL,
    probe bytea NOT NULL
);

-- Of lease tokens: never the same twice, even when a space is deleted and made again.
CREATE SEQUENCE clawvm_token;

CREATE TABLE clawvm_space (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    last_seq bigint NOT NULL DEFAULT 0,
    saved_at double precision,
    token bigint NOT NULL DEFAULT 0,
    holder text,
    ttl double precision,
    expires_at double precision,
    UNIQUE (tenant, scope, name)
) WITH (fillfactor = 70);  -- updated at every append: room for the new version on the same page

CREATE TABLE clawvm_content (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    hint integer NOT NULL,
    nth integer NOT NULL,  -- different texts of one hint are counted from 0
    data_sum bigint NOT NULL,
    data bytea NOT NULL,
    UNIQUE (tenant, hint, nth)
);
-- What comes here is compressed already, or encrypted.
ALTER TABLE clawvm_content ALTER COLUMN data SET STORAGE EXTERNAL;

-- Which spaces refer to a content, so that neither naming one nor deleting a space reads rows.
CREATE TABLE clawvm_reference (
    content bigint NOT NULL,
    space bigint NOT NULL,
    PRIMARY KEY (content, space)
);

CREATE TABLE clawvm_row (
    space bigint NOT NULL REFERENCES clawvm_space,
    seq bigint NOT NULL,
    token bigint NOT NULL,
    saved_at double precision NOT NULL,
    contents bigint[] NOT NULL,
    contents_sum bytea NOT NULL,
    record_sum bytea NOT NULL,
    record bytea NOT NULL,
    PRIMARY KEY (space, seq)
);
ALTER TABLE clawvm_row ALTER COLUMN record SET STORAGE EXTERNAL;

CREATE TABLE clawvm_snapshot (
    space bigint PRIMARY KEY REFERENCES clawvm_space,
    seq bigint NOT NULL,
    token bigint NOT NULL,
    saved_at double precision NOT NULL,
    contents bigint[] NOT NULL,
    contents_sum bytea NOT NULL,
    record_sum bytea NOT NULL,
    record bytea NOT NULL
);
ALTER TABLE clawvm_snapshot ALTER COLUMN record SET STORAGE EXTERNAL;
"""

HELPERS = """
CREATE FUNCTION clawvm_now() RETURNS double precision LANGUAGE sql VOLATILE AS $$
    SELECT extract(epoch FROM clock_timestamp())::double precision
$$;

CREATE FUNCTION clawvm_contents_sum(space bigint, seq bigint, contents bigint[]) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT substr(sha256(convert_to(
        space || ':' || seq || ':' || array_to_string(contents, ','), 'UTF8')), 1, 8)
$$;

-- Contents of a tenant are deleted only by who has this lock alone, and found or named only by who
-- has it at least together with others: what a row is about to refer to is never swept away.
CREATE FUNCTION clawvm_lock(tenant text, alone boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF alone THEN
        PERFORM pg_advisory_xact_lock({lock}, hashtext(tenant));
    ELSE
        PERFORM pg_advisory_xact_lock_shared({lock}, hashtext(tenant));
    END IF;
END
$$;

-- Of those contents, the ones that a space refers to in no row and no snapshot.
CREATE FUNCTION clawvm_unused(of_space bigint, among bigint[]) RETURNS bigint[]
LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(DISTINCT one), '{}') FROM unnest(among) AS one WHERE one NOT IN (
        SELECT unnest(contents) FROM clawvm_row WHERE space = of_space
        UNION ALL SELECT unnest(contents) FROM clawvm_snapshot WHERE space = of_space)
$$;

-- Take a space's references away, and the contents that no other space refers to. Needs the lock.
CREATE FUNCTION clawvm_drop(of_space bigint, unused bigint[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    gone bigint;
BEGIN
    DELETE FROM clawvm_reference WHERE content = ANY(unused) AND space = of_space;
    DELETE FROM clawvm_content c WHERE c.id = ANY(unused)
        AND NOT EXISTS (SELECT 1 FROM clawvm_reference r WHERE r.content = c.id);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$;
""".replace("{lock}", str(TENANT_LOCK))

# A batch in one call. Rows come by space, texts by tenant and hint, so that whoever locks in this
# order (tenants, spaces, texts) never waits in a circle. A row's references stand in `refs`, one
# row after the other: the id of a content, or minus the place of a text in the text_ arrays.
#
# An outcome is `written`; `there` (same number, token and checksum: the caller compares the bytes);
# `lost` (the token is not the newest); `conflict` (another row of that number, or a gap);
# `uncovered` (a snapshot of rows that are not there, or older than the one there is); `missing`
# (the space refers to no content of that id); `after` (a row of this space and token was refused
# that this one follows); `compare` (a text has a hint that is known, with other stored bytes: the
# caller must compare them decoded, and say which it is or how many he knows to be different);
# `alone` (contents would be deleted, call again for this row with `alone`); `wait` (something is to
# be done about a row before it first). Nothing is written for a row that is not `written`.
APPEND = """
CREATE FUNCTION clawvm_append_1(
    alone boolean,
    row_tenant text[], row_scope text[], row_name text[], row_snapshot boolean[],
    row_seq bigint[], row_token bigint[], row_record bytea[], row_sum bytea[],
    row_refs integer[], refs bigint[],
    text_tenant text[], text_hint integer[], text_nth integer[], text_known bigint[],
    text_sum bigint[], text_data bytea[]
) RETURNS TABLE (outcome text, ids bigint[], number bigint, who text)
LANGUAGE plpgsql AS $$
DECLARE
    rows_n integer := cardinality(row_seq);
    texts_n integer := cardinality(text_nth);
    now_at double precision;
    owner clawvm_space%ROWTYPE;
    space_of bigint[] := array_fill(NULL::bigint, ARRAY[rows_n]);
    verdict text[] := array_fill(NULL::text, ARRAY[rows_n]);
    told bigint[] := array_fill(NULL::bigint, ARRAY[rows_n]);
    told_who text[] := array_fill(NULL::text, ARRAY[rows_n]);
    text_id bigint[] := array_fill(NULL::bigint, ARRAY[texts_n]);
    wanted boolean[] := array_fill(false, ARRAY[texts_n]);
    first_ref integer := 0;
    expected bigint;
    known_seq bigint;
    known_contents bigint[];
    found_id bigint;
    made bigint[] := '{}';
    failed_tokens bigint[];
    failed_seqs bigint[];
    waits boolean;
BEGIN
    FOR i IN 1 .. rows_n LOOP
        IF i = 1 OR row_tenant[i] <> row_tenant[i - 1] THEN
            PERFORM clawvm_lock(row_tenant[i], alone);
        END IF;
    END LOOP;
    now_at := clawvm_now();

    -- What comes of each row, as far as its text need not be looked at.
    FOR i IN 1 .. rows_n LOOP
        IF i = 1 OR row_name[i] <> row_name[i - 1] OR row_scope[i] <> row_scope[i - 1]
                OR row_tenant[i] <> row_tenant[i - 1] THEN
            SELECT * INTO owner FROM clawvm_space s
                WHERE s.tenant = row_tenant[i] AND s.scope = row_scope[i] AND s.name = row_name[i]
                FOR NO KEY UPDATE;
            IF owner.id IS NULL AND row_scope[i] = 'project' AND row_seq[i] = 1 THEN
                INSERT INTO clawvm_space AS s (tenant, scope, name)
                    VALUES (row_tenant[i], row_scope[i], row_name[i]) ON CONFLICT DO NOTHING
                    RETURNING s.id INTO found_id;
                made := made || found_id;
                SELECT * INTO owner FROM clawvm_space s
                    WHERE s.tenant = row_tenant[i] AND s.scope = row_scope[i]
                    AND s.name = row_name[i] FOR NO KEY UPDATE;
            END IF;
            expected := coalesce(owner.last_seq, 0) + 1;
            waits := false;
            failed_tokens := '{}';
            failed_seqs := '{}';
        END IF;
        space_of[i] := owner.id;
        told[i] := expected - 1;
        IF waits THEN
            verdict[i] := 'wait';
        ELSIF EXISTS (SELECT 1 FROM unnest(failed_tokens, failed_seqs) AS f (token, seq)
                WHERE f.token = row_token[i] AND f.seq < row_seq[i]) THEN
            verdict[i] := 'after';
        ELSIF NOT row_snapshot[i] AND row_seq[i] < expected AND EXISTS (
                SELECT 1 FROM clawvm_row r WHERE r.space = owner.id AND r.seq = row_seq[i]
                AND r.token = row_token[i] AND r.record_sum = row_sum[i]) THEN
            verdict[i] := 'there';
        ELSIF row_token[i] <> coalesce(owner.token, 0)
                OR (row_scope[i] = 'session' AND owner.holder IS NULL) THEN
            verdict[i] := 'lost';
            told[i] := coalesce(owner.token, 0);
            told_who[i] := owner.holder;
        ELSIF row_snapshot[i] THEN
            SELECT s.seq INTO known_seq FROM clawvm_snapshot s WHERE s.space = owner.id;
            verdict[i] := CASE WHEN row_seq[i] BETWEEN greatest(1, known_seq) AND expected - 1
                THEN 'written' ELSE 'uncovered' END;
            told_who[i] := known_seq;
        ELSE
            verdict[i] := CASE WHEN row_seq[i] = expected THEN 'written' ELSE 'conflict' END;
        END IF;

        IF verdict[i] = 'written' THEN
            FOR j IN first_ref + 1 .. first_ref + row_refs[i] LOOP
                IF refs[j] > 0 THEN
                    IF NOT EXISTS (SELECT 1 FROM clawvm_reference r
                            WHERE r.content = refs[j] AND r.space = owner.id) THEN
                        verdict[i] := 'missing';
                        told[i] := refs[j];
                        EXIT;
                    END IF;
                ELSIF text_id[-refs[j]] IS NULL THEN
                    SELECT c.id INTO found_id FROM clawvm_content c
                        WHERE c.id = text_known[-refs[j]] AND c.tenant = row_tenant[i];
                    IF found_id IS NULL THEN
                        SELECT c.id INTO found_id FROM clawvm_content c
                            WHERE c.tenant = row_tenant[i] AND c.hint = text_hint[-refs[j]]
                            AND c.data = text_data[-refs[j]] ORDER BY c.nth LIMIT 1;
                    END IF;
                    IF found_id IS NULL AND EXISTS (SELECT 1 FROM clawvm_content c
                            WHERE c.tenant = row_tenant[i] AND c.hint = text_hint[-refs[j]]
                            AND c.nth >= text_nth[-refs[j]]) THEN
                        verdict[i] := 'compare';
                        EXIT;
                    END IF;
                    text_id[-refs[j]] := found_id;
                END IF;
            END LOOP;
        END IF;
        IF verdict[i] = 'written' AND row_snapshot[i] AND NOT alone THEN
            -- Nearly always the rows refer to whatever the snapshot before referred to.
            SELECT s.contents INTO known_contents FROM clawvm_snapshot s WHERE s.space = owner.id;
            IF EXISTS (SELECT 1 FROM unnest(known_contents) AS one
                    WHERE one <> ALL (refs[first_ref + 1 : first_ref + row_refs[i]])
                    AND one NOT IN (SELECT unnest(r.contents) FROM clawvm_row r
                        WHERE r.space = owner.id)) THEN
                verdict[i] := 'alone';
            END IF;
        END IF;
        IF verdict[i] = 'written' THEN
            FOR j IN first_ref + 1 .. first_ref + row_refs[i] LOOP
                IF refs[j] < 0 AND text_id[-refs[j]] IS NULL THEN
                    wanted[-refs[j]] := true;
                END IF;
            END LOOP;
            IF NOT row_snapshot[i] THEN
                expected := expected + 1;
            END IF;
            told[i] := expected - 1;
        ELSIF verdict[i] IN ('there', 'compare', 'alone') THEN
            waits := true;
        ELSIF NOT row_snapshot[i] THEN
            failed_tokens := failed_tokens || row_token[i];
            failed_seqs := failed_seqs || row_seq[i];
        END IF;
        first_ref := first_ref + row_refs[i];
    END LOOP;

    FOR t IN 1 .. texts_n LOOP
        IF wanted[t] THEN
            INSERT INTO clawvm_content AS c (tenant, hint, nth, data_sum, data)
                VALUES (text_tenant[t], text_hint[t], text_nth[t], text_sum[t], text_data[t])
                ON CONFLICT DO NOTHING RETURNING c.id INTO found_id;
            IF found_id IS NULL THEN
                SELECT c.id INTO found_id FROM clawvm_content c
                    WHERE c.tenant = text_tenant[t] AND c.hint = text_hint[t]
                    AND c.data = text_data[t] ORDER BY c.nth LIMIT 1;
            END IF;
            IF found_id IS NULL THEN
                RAISE EXCEPTION 'another writer stored a text of the same hint'
                    USING ERRCODE = 'serialization_failure';
            END IF;
            text_id[t] := found_id;
        END IF;
    END LOOP;

    first_ref := 0;
    FOR i IN 1 .. rows_n LOOP
        outcome := verdict[i];
        number := told[i];
        who := told_who[i];
        ids := NULL;
        IF outcome = 'written' THEN
            ids := ARRAY[]::bigint[];
            FOR j IN first_ref + 1 .. first_ref + row_refs[i] LOOP
                ids := ids || CASE WHEN refs[j] < 0 THEN text_id[-refs[j]] ELSE refs[j] END;
            END LOOP;
            INSERT INTO clawvm_reference SELECT DISTINCT one, space_of[i] FROM unnest(ids) AS one
                ON CONFLICT DO NOTHING;
            IF row_snapshot[i] THEN
                SELECT s.contents INTO known_contents FROM clawvm_snapshot s
                    WHERE s.space = space_of[i];
                INSERT INTO clawvm_snapshot AS s VALUES (space_of[i], row_seq[i], row_token[i],
                    now_at, ids, clawvm_contents_sum(space_of[i], row_seq[i], ids), row_sum[i],
                    row_record[i])
                ON CONFLICT (space) DO UPDATE SET seq = excluded.seq, token = excluded.token,
                    saved_at = excluded.saved_at, contents = excluded.contents,
                    contents_sum = excluded.contents_sum, record_sum = excluded.record_sum,
                    record = excluded.record;
                IF alone THEN
                    PERFORM clawvm_drop(space_of[i], clawvm_unused(space_of[i], known_contents));
                END IF;
            ELSE
                INSERT INTO clawvm_row VALUES (space_of[i], row_seq[i], row_token[i], now_at, ids,
                    clawvm_contents_sum(space_of[i], row_seq[i], ids), row_sum[i], row_record[i]);
            END IF;
            IF i = rows_n OR space_of[i + 1] IS DISTINCT FROM space_of[i]
                    OR verdict[i + 1] <> 'written' THEN
                -- Once for the rows of a space that stand together.
                UPDATE clawvm_space s SET
                    last_seq = told[i],
                    saved_at = now_at,
                    expires_at = CASE WHEN s.expires_at - now_at > s.ttl / 2
                        AND s.expires_at - now_at <= s.ttl
                        THEN s.expires_at ELSE now_at + s.ttl END
                WHERE s.id = space_of[i];
            END IF;
        END IF;
        first_ref := first_ref + row_refs[i];
        RETURN NEXT;
    END LOOP;
    DELETE FROM clawvm_space s WHERE s.id = ANY (made) AND s.last_seq = 0;
END
$$;
"""

# The lease is free when nobody has it, when the same holder asks, when it has run out, when it
# would hold for longer than its ttl (the clock was moved back), or when the caller knows the holder
# of that token to be dead.
ACQUIRE = """
CREATE FUNCTION clawvm_acquire_1(
    for_tenant text, for_scope text, for_name text, new_holder text, new_ttl double precision,
    dead_token bigint
) RETURNS TABLE (granted boolean, token bigint, holder text, expires_at double precision,
    now_at double precision)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    owner clawvm_space%ROWTYPE;
    moment double precision;
BEGIN
    LOOP
        SELECT * INTO owner FROM clawvm_space s
            WHERE s.tenant = for_tenant AND s.scope = for_scope AND s.name = for_name
            FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO clawvm_space (tenant, scope, name) VALUES (for_tenant, for_scope, for_name)
            ON CONFLICT DO NOTHING;
    END LOOP;
    moment := clawvm_now();
    IF owner.holder IS NULL OR owner.holder = new_holder OR owner.token = dead_token
            OR owner.expires_at <= moment OR owner.expires_at > moment + owner.ttl THEN
        RETURN QUERY UPDATE clawvm_space s SET token = nextval('clawvm_token'),
            holder = new_holder, ttl = new_ttl, expires_at = moment + new_ttl
            WHERE s.id = owner.id
            RETURNING true, s.token, s.holder, s.expires_at, moment;
    ELSE
        RETURN QUERY SELECT false, owner.token, owner.holder, owner.expires_at, moment;
    END IF;
END
$$;
"""

#: Number n takes a schema of version n - 1 to version n; each is one transaction. A number that was
#: released is never changed: what comes later is a new one, with functions of new names, so that
#: processes of the version before can go on until they end.
MIGRATIONS: tuple[str, ...] = (TABLES + HELPERS + APPEND + ACQUIRE,)
