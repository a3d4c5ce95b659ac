-- The newest likes of a post, counted by day (UTC).
SELECT (created_at AT TIME ZONE 'UTC')::date AS day, count(*)
FROM (
    SELECT created_at FROM engagement_like WHERE post_id = :post AND id >= :since ORDER BY id DESC LIMIT :limit
) AS newest
GROUP BY day
