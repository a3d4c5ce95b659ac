-- Scores the next :batch posts behind :after that were published after :since. Returns the last post, the number of
-- posts, and the number of scores that are new or different.
--
-- {posts}: the posts that explore may show.
WITH batch AS (
    SELECT id, like_count, comment_count, published_at
    FROM ({posts}) AS post
    WHERE id > :after::uuid AND published_at > :since::timestamptz
    ORDER BY id
    LIMIT :batch::int
), scored AS (
    INSERT INTO feed_explorescore (post_id, score)
    SELECT id, log(greatest(like_count + 2 * comment_count, 1)) + extract(epoch FROM published_at) / 45000 FROM batch
    ON CONFLICT (post_id) DO UPDATE SET score = excluded.score WHERE feed_explorescore.score <> excluded.score
    RETURNING post_id
)
SELECT (SELECT id FROM batch ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM batch), (SELECT count(*) FROM scored)
