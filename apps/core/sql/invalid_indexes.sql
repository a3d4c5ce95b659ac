-- Indexes that a failed build has left: they are updated but not used.
SELECT indexrelid::regclass::text
FROM pg_index
WHERE NOT indisvalid AND pg_table_is_visible(indexrelid)
ORDER BY 1
