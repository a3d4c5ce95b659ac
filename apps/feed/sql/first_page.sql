-- Ids of the newest posts of the viewer's feed by the :authors authors who have posted last, and whether there are that
-- many authors. If there are fewer, or if the page is full, it is the first page of the feed (see timeline.py).
--
-- {published}: published posts, with their authors.
-- {follows}: the accounts whose posts are in the feed, without the viewer.
--
-- feed_newestpost has a row for each author. Either its rows are looked up for each source, or, for a viewer who follows
-- a good part of all authors, its index is read from the newest row on until enough sources are found. `reach` estimates
-- how many rows that takes; 0 means that look-ups are cheaper.
WITH source AS NOT MATERIALIZED (
    SELECT author_id FROM ({follows}) AS follow (author_id)
    UNION ALL
    SELECT :viewer::uuid
), reach AS MATERIALIZED (
    SELECT CASE
        WHEN following_count::float8 * following_count > :worth::float8 * :authors::int * newest.number
        THEN :reach::float8 * :authors::int * newest.number / following_count
        ELSE 0
    END::bigint AS number
    FROM accounts_user
    CROSS JOIN (
        SELECT greatest(reltuples, 0)::float8 FROM pg_class WHERE oid = 'feed_newestpost'::regclass
    ) AS newest (number)
    WHERE id = :viewer::uuid
), scanned AS MATERIALIZED (
    SELECT newest.author_id, newest.post
    FROM (
        SELECT author_id, post FROM feed_newestpost ORDER BY post DESC LIMIT coalesce((SELECT number FROM reach), 0)
    ) AS newest
    -- Not a join: the planner could choose to read all rows. IS TRUE makes this a hashed subplan.
    WHERE (newest.author_id IN (SELECT author_id FROM source)) IS TRUE
    ORDER BY newest.post DESC
    LIMIT :authors::int
), latest AS MATERIALIZED (
    SELECT author_id, post FROM scanned WHERE (SELECT count(*) FROM scanned) = :authors::int
    UNION ALL (
        SELECT source.author_id, newest.post
        FROM source
        CROSS JOIN LATERAL (SELECT post FROM feed_newestpost WHERE author_id = source.author_id OFFSET 0) AS newest
        WHERE (SELECT count(*) FROM scanned) < :authors::int
        ORDER BY newest.post DESC
        LIMIT :authors::int
    )
), bound AS MATERIALIZED (
    SELECT post FROM latest ORDER BY post DESC OFFSET :authors::int - 1
), page AS (
    SELECT post.id
    FROM latest AS source
    CROSS JOIN LATERAL (
        SELECT id
        FROM ({published}) AS own (id, author_id)
        WHERE own.author_id = source.author_id
            AND own.id >= coalesce((SELECT post FROM bound), '00000000-0000-0000-0000-000000000000')
        ORDER BY id DESC
        LIMIT :limit::int
    ) AS post
    WHERE NOT EXISTS (SELECT FROM accounts_user WHERE id = source.author_id AND state <> 'active' OFFSET 0)
    ORDER BY post.id DESC
    LIMIT :limit::int
)
SELECT ARRAY(SELECT id FROM page ORDER BY id DESC), EXISTS (SELECT FROM bound)
