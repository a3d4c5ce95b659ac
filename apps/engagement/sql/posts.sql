-- Posts with everything that their representation shows to the viewer: one row for each visible post of :ids, in no
-- particular order. The columns are the fields of PostRow (reads.py).
--
-- {visible}: the posts that the viewer may see, with is_public.
-- {users}: the accounts that the viewer may see. Mentions of others are left out.
-- {comments}: the comments that count.
--
-- Counts leave out people whom a block hides from the viewer. These are looked for among the hidden people or among the
-- likes and comments, whichever are fewer: a viewer who blocks one person does not read a million likes, and a viewer
-- whom ten thousand people block does not look for each of them on a post with five likes. OFFSET 0 keeps these
-- look-ups index seeks, whatever number of rows PostgreSQL expects.
WITH hidden AS MATERIALIZED (
    SELECT DISTINCT person_id AS id FROM social_hidden WHERE viewer_id = :viewer::uuid
)
SELECT
    post.id,
    post.caption,
    post.visibility,
    post.status,
    post.taken_down_at,
    post.sensitive,
    post.comments_enabled,
    post.like_count,
    post.comment_count,
    post.created_at,
    post.edited_at,
    post.is_public,
    author.id AS author_id,
    author.handle,
    author.display_name,
    author.is_verified,
    avatar.private_secret,
    avatar.public_secret,
    (
        SELECT json_agg(
            json_build_array(
                medium.id, medium.status, medium.error_code, medium.error_detail, medium.alt_text, medium.width,
                medium.height, medium.blurhash, medium.dominant_color, medium.variants, medium.private_secret,
                medium.public_secret, medium.created_at
            )
            ORDER BY item.position
        )::text
        FROM content_postmedia AS item
        JOIN media_media AS medium ON medium.id = item.medium_id
        WHERE item.post_id = post.id
    ) AS photos,
    ARRAY(
        SELECT tag.name
        FROM content_posttag AS tagged
        JOIN content_tag AS tag ON tag.id = tagged.tag_id
        WHERE tagged.post_id = post.id
        ORDER BY tagged.position
    ) AS tags,
    CASE WHEN strpos(post.caption, '@') > 0 THEN (
        SELECT json_agg(
            json_build_array(
                mention.offset, mention.length, person.id, person.handle, person.display_name, person.is_verified,
                picture.private_secret, picture.public_secret
            )
            ORDER BY mention.offset
        )
        FROM content_mention AS mention
        JOIN ({users}) AS person ON person.id = mention.user_id
        LEFT JOIN media_media AS picture ON picture.id = person.avatar_id AND picture.purpose = 'avatar'
        WHERE mention.post_id = post.id
    ) END AS mentions,
    EXISTS (SELECT FROM engagement_like WHERE user_id = :viewer::uuid AND post_id = post.id OFFSET 0) AS liked,
    EXISTS (SELECT FROM engagement_save WHERE user_id = :viewer::uuid AND post_id = post.id OFFSET 0) AS saved,
    CASE
        WHEN hidden_people.number = 0 THEN 0
        WHEN post.like_count < hidden_people.number THEN (
            SELECT count(*) FROM engagement_like WHERE post_id = post.id AND user_id IN (SELECT id FROM hidden)
        )
        ELSE (
            SELECT count(*)
            FROM hidden
            CROSS JOIN LATERAL (
                SELECT FROM engagement_like WHERE user_id = hidden.id AND post_id = post.id OFFSET 0
            ) AS theirs
        )
    END AS hidden_likes,
    CASE
        WHEN hidden_people.number = 0 THEN 0
        WHEN post.comment_count < hidden_people.number THEN (
            SELECT count(*)
            FROM ({comments}) AS comment
            WHERE comment.post_id = post.id AND comment.author_id IN (SELECT id FROM hidden)
        )
        ELSE (
            SELECT count(*)
            FROM hidden
            CROSS JOIN LATERAL (
                SELECT FROM ({comments}) AS comment
                WHERE comment.author_id = hidden.id AND comment.post_id = post.id OFFSET 0
            ) AS theirs
        )
    END AS hidden_comments
FROM ({visible}) AS post
CROSS JOIN (SELECT count(*) AS number FROM hidden) AS hidden_people
JOIN accounts_user AS author ON author.id = post.author_id
LEFT JOIN media_media AS avatar ON avatar.id = author.avatar_id AND avatar.purpose = 'avatar'
WHERE post.id = ANY(:ids::uuid[])
