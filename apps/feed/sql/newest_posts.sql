-- Ids of the newest posts of the viewer's feed that are older than :before, newest first.
--
-- {published}: published posts, with their authors.
-- {follows}: the accounts whose posts are in the feed, without the viewer.
--
-- For each author an index seek takes the newest posts; the newest of all these are the page. So the cost depends on
-- the number of authors and not on the number of posts. Few authors are inactive, so these are looked up in an index
-- that has only them. OFFSET 0 keeps that an index seek, whatever number of authors PostgreSQL expects.
SELECT post.id
FROM (
    SELECT author_id FROM ({follows}) AS follow (author_id)
    UNION ALL
    SELECT :viewer::uuid
) AS source
CROSS JOIN LATERAL (
    SELECT id
    FROM ({published}) AS own (id, author_id)
    WHERE own.author_id = source.author_id
        AND own.id < coalesce(:before::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    ORDER BY id DESC
    LIMIT :limit::int
) AS post
WHERE NOT EXISTS (SELECT FROM accounts_user WHERE id = source.author_id AND state <> 'active' OFFSET 0)
ORDER BY post.id DESC
LIMIT :limit::int
