-- A row if the database has any table: a backup is restored into an empty one only.
SELECT 1 FROM pg_tables WHERE schemaname = 'public' LIMIT 1
