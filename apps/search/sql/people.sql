-- People by handle and display name: `rank` 2 for the exact handle, 1 for a handle or name with that prefix, 0 for a
-- similar one. Similarity is that of trigrams (pg_trgm) over the handle and the name. Names are compared without accents
-- and case, and a Greek final sigma as a sigma.
--
-- {visible}: id, handle, display_name and follower_count of the accounts that may be found.
-- Prefixes are compared as ranges, which use the `text_pattern_ops` indexes also in a plan that is kept: 1114111 is the
-- last code point. The order is that of these indexes, so that PostgreSQL stops reading after 500 rows.
WITH person AS NOT MATERIALIZED (
    {visible}
), query AS MATERIALIZED (
    SELECT lower(:query) AS handle, lower(:query) || chr(1114111) AS handle_end,
        photogram_folded(:query) AS plain, photogram_folded(:query) || chr(1114111) AS plain_end
), exact AS (
    SELECT id, follower_count FROM person WHERE handle = (SELECT handle FROM query)
), by_handle AS (
    SELECT id, follower_count FROM person
    WHERE handle ~>=~ (SELECT handle FROM query) AND handle ~<~ (SELECT handle_end FROM query)
    ORDER BY handle USING ~<~
    LIMIT 500
), by_name AS (
    SELECT id, follower_count FROM person
    WHERE photogram_folded(display_name) ~>=~ (SELECT plain FROM query)
        AND photogram_folded(display_name) ~<~ (SELECT plain_end FROM query)
    ORDER BY photogram_folded(display_name) USING ~<~
    LIMIT 500
), named AS MATERIALIZED (
    SELECT max(rank) AS rank, 0::float8 AS similarity, follower_count, id
    FROM (
        SELECT 2 AS rank, * FROM exact
        UNION ALL SELECT 1, * FROM by_handle
        UNION ALL SELECT 1, * FROM by_name
    ) AS found (rank, id, follower_count)
    GROUP BY id, follower_count
), named_page AS MATERIALIZED (
    SELECT * FROM named
    WHERE :rank::int IS NULL
        OR (rank, similarity, follower_count, id) < (:rank, :similarity::float8, :followers::int, :id::uuid)
    ORDER BY rank DESC, follower_count DESC, id DESC
    LIMIT :limit
), similar_people AS (
    -- The most expensive part: it runs only if the page has room for its rows.
    SELECT 0 AS rank,
        round(word_similarity(
            (SELECT plain FROM query), photogram_folded(handle || ' ' || display_name))::numeric, 3)::float8 AS similarity,
        follower_count, id
    FROM (
        SELECT * FROM person
        WHERE (SELECT count(*) FROM named_page) < :limit
        ORDER BY photogram_folded(handle || ' ' || display_name) <->> (SELECT plain FROM query)
        LIMIT 200
    ) AS nearest
)
SELECT rank, similarity, follower_count, id
FROM (
    SELECT * FROM named_page
    UNION ALL
    SELECT * FROM similar_people
    WHERE similarity >= :least_similarity AND id NOT IN (SELECT id FROM named)
        AND (:rank::int IS NULL
            OR (rank, similarity, follower_count, id) < (:rank, :similarity::float8, :followers::int, :id::uuid))
) AS found
ORDER BY rank DESC, similarity DESC, follower_count DESC, id DESC
LIMIT :limit
