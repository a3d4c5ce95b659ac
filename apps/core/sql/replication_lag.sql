-- Seconds by replica. Only members of pg_monitor see them.
SELECT application_name, extract(epoch FROM replay_lag) FROM pg_stat_replication WHERE replay_lag IS NOT NULL
