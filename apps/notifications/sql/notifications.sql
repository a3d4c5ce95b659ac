-- A page of notifications, latest first, with what their preview is made of and who caused them.
-- {readable}: the notifications that the viewer may read. {events}: the events whose actor the viewer may see.
SELECT
    notification.id,
    notification.latest,
    notification.type,
    notification.post_id,
    notification.comment_id,
    notification.statement,
    notification.read_at,
    notification.created_at,
    notification.updated_at,
    post.caption,
    comment.text AS comment_text,
    shown.actor_count,
    shown.actor_ids
FROM ({readable}) AS notification
LEFT JOIN content_post AS post ON post.id = notification.post_id
LEFT JOIN engagement_comment AS comment ON comment.id = notification.comment_id
CROSS JOIN LATERAL (
    SELECT count(*) AS actor_count, (array_agg(newest.actor_id))[:3] AS actor_ids
    FROM (
        SELECT event.actor_id
        FROM ({events}) AS event
        WHERE event.notification_id = notification.id
        ORDER BY event.id DESC
        LIMIT 1000
    ) AS newest
) AS shown
WHERE notification.latest < coalesce(:after::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
ORDER BY notification.latest DESC
LIMIT :limit::bigint
