-- Inserts a post with its photos and with those of its tags that exist. Returns when the post was created and how many
-- tags it got. A sensitive tag makes the post sensitive (see sensitivity.py).
WITH sensitive_tag AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM content_tag WHERE sensitive AND name = ANY(:tags::text[])) AS found
), post AS (
    INSERT INTO content_post (
        id, author_id, caption, words, visibility, status, sensitive, sensitive_by_author, comments_enabled, like_count,
        comment_count, published_at
    )
    VALUES (
        :id::uuid, :author::uuid, :caption, :words::text[], :visibility, :status,
        :sensitive OR (SELECT found FROM sensitive_tag), CASE WHEN (SELECT found FROM sensitive_tag) THEN :sensitive END,
        :comments_enabled, 0, 0, :published_at::timestamptz
    )
    RETURNING id, created_at
), photos AS (
    INSERT INTO content_postmedia (post_id, medium_id, position)
    SELECT post.id, photo.medium_id, photo.number - 1
    FROM post CROSS JOIN unnest(:media::uuid[]) WITH ORDINALITY AS photo (medium_id, number)
), tags AS (
    INSERT INTO content_posttag (post_id, tag_id, position)
    SELECT post.id, tag.id, named.number - 1
    FROM post
    CROSS JOIN unnest(:tags::text[]) WITH ORDINALITY AS named (name, number)
    JOIN content_tag AS tag ON tag.name = named.name
    RETURNING 1
)
SELECT post.created_at, (SELECT count(*) FROM tags) FROM post
