-- The median time from a flag or an appeal to the decision on it, in seconds. The time at which it was created is in
-- its id, which the audit keeps when the row is deleted.
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM created_at
    - to_timestamp(('x' || substr(replace(case_id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0)))
FROM moderation_moderationaction
WHERE id >= :since AND id < :until AND case_id IS NOT NULL AND action = ANY(:actions)
