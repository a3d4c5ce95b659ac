-- Accounts followed by accounts that the viewer follows, the most often followed first.
WITH following AS (
    SELECT followed_id FROM social_follow WHERE follower_id = :viewer ORDER BY id DESC LIMIT 200
), candidates AS (
    SELECT theirs.followed_id AS id, count(*) AS followed_by_count
    FROM following CROSS JOIN LATERAL (
        SELECT followed_id FROM social_follow WHERE follower_id = following.followed_id ORDER BY id DESC LIMIT 100
    ) AS theirs
    GROUP BY theirs.followed_id
)
SELECT candidates.id, candidates.followed_by_count
FROM candidates JOIN ({visible}) AS person (id) USING (id)
WHERE candidates.id <> :viewer
    AND NOT EXISTS (SELECT 1 FROM social_follow WHERE follower_id = :viewer AND followed_id = candidates.id)
    AND NOT EXISTS (SELECT 1 FROM social_followrequest WHERE requester_id = :viewer AND target_id = candidates.id)
    AND NOT EXISTS (SELECT 1 FROM social_mute WHERE muter_id = :viewer AND muted_id = candidates.id)
    AND (:count::bigint IS NULL OR (candidates.followed_by_count, candidates.id) < (:count, :user::uuid))
ORDER BY candidates.followed_by_count DESC, candidates.id DESC
LIMIT :limit
