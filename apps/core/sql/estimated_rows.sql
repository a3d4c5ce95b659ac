-- The number of rows of a table, as estimated by the last ANALYZE.
SELECT reltuples::bigint FROM pg_class WHERE oid = :table::regclass
