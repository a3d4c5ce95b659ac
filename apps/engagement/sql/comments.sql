-- Comments with everything that their representation shows to the viewer: one row for each listed comment of :ids, in
-- no particular order. The columns are the fields of CommentRow (reads.py).
--
-- {visible}: the comments that are listed for the viewer, tombstones among them.
-- {users}: the accounts that the viewer may see. Mentions of others are left out.
-- {comments}: the comments that count.
--
-- Counts leave out people whom a block hides from the viewer, as in posts.sql.
WITH hidden AS MATERIALIZED (
    SELECT DISTINCT person_id AS id FROM social_hidden WHERE viewer_id = :viewer::uuid
)
SELECT
    comment.id,
    comment.post_id,
    comment.parent_id,
    comment.text,
    comment.like_count,
    comment.reply_count,
    comment.removed_at IS NOT NULL OR comment.taken_down_at IS NOT NULL AS is_tombstone,
    comment.created_at,
    author.id AS author_id,
    author.handle,
    author.display_name,
    author.is_verified,
    avatar.private_secret,
    avatar.public_secret,
    CASE WHEN strpos(comment.text, '@') > 0 THEN (
        SELECT json_agg(
            json_build_array(
                mention.offset, mention.length, person.id, person.handle, person.display_name, person.is_verified,
                picture.private_secret, picture.public_secret
            )
            ORDER BY mention.offset
        )
        FROM engagement_commentmention AS mention
        JOIN ({users}) AS person ON person.id = mention.user_id
        LEFT JOIN media_media AS picture ON picture.id = person.avatar_id AND picture.purpose = 'avatar'
        WHERE mention.comment_id = comment.id
    ) END AS mentions,
    EXISTS (
        SELECT FROM engagement_commentlike WHERE user_id = :viewer::uuid AND comment_id = comment.id OFFSET 0
    ) AS liked,
    CASE
        WHEN hidden_people.number = 0 THEN 0
        WHEN comment.like_count < hidden_people.number THEN (
            SELECT count(*)
            FROM engagement_commentlike
            WHERE comment_id = comment.id AND user_id IN (SELECT id FROM hidden)
        )
        ELSE (
            SELECT count(*)
            FROM hidden
            CROSS JOIN LATERAL (
                SELECT FROM engagement_commentlike WHERE user_id = hidden.id AND comment_id = comment.id OFFSET 0
            ) AS theirs
        )
    END AS hidden_likes,
    CASE
        WHEN hidden_people.number = 0 THEN 0
        WHEN comment.reply_count < hidden_people.number THEN (
            SELECT count(*)
            FROM ({comments}) AS reply
            WHERE reply.parent_id = comment.id AND reply.author_id IN (SELECT id FROM hidden)
        )
        ELSE (
            SELECT count(*)
            FROM hidden
            CROSS JOIN LATERAL (
                SELECT FROM ({comments}) AS reply
                WHERE reply.author_id = hidden.id
                    AND reply.post_id = comment.post_id
                    AND reply.parent_id = comment.id
                OFFSET 0
            ) AS theirs
        )
    END AS hidden_replies
FROM ({visible}) AS comment
CROSS JOIN (SELECT count(*) AS number FROM hidden) AS hidden_people
LEFT JOIN accounts_user AS author ON author.id = comment.author_id
LEFT JOIN media_media AS avatar ON avatar.id = author.avatar_id AND avatar.purpose = 'avatar'
WHERE comment.id = ANY(:ids::uuid[])
