-- A setting of PostgreSQL in this session.
SELECT current_setting(:name)
