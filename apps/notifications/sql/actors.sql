-- The accounts with these ids as `UserSummary` rows.
SELECT person.id, person.handle, person.display_name, person.is_verified, avatar.private_secret, avatar.public_secret
FROM accounts_user AS person
LEFT JOIN media_media AS avatar ON avatar.id = person.avatar_id AND avatar.purpose = 'avatar'
WHERE person.id = ANY(:ids)
