-- The clock, as seconds since 1970, and the version.
SELECT extract(epoch FROM clock_timestamp()), version()
