-- The profiles of these accounts, as far as the viewer may see them. The id is the first column of {visible}.
SELECT person.* FROM ({visible}) AS person (id) WHERE person.id = ANY(:ids)
