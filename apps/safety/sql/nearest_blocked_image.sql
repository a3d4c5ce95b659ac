-- The blocked image whose hash differs least from one of :hashes, in at most :max_distance bits.
SELECT id
FROM (
    SELECT blocked.id, bit_count(blocked.image_hash # hash::bit(256)) AS distance
    FROM safety_blockedimage AS blocked, unnest(:hashes::text[]) AS hash
) AS compared
WHERE distance <= :max_distance
ORDER BY distance, id
LIMIT 1
