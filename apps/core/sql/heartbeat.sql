-- A heartbeat, by the clock of the database.
INSERT INTO core_heartbeat (name, at) VALUES (:name, now()) ON CONFLICT (name) DO UPDATE SET at = excluded.at
