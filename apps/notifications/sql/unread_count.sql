-- How many notifications the viewer has not read, counted up to 1000.
SELECT count(*) FROM (SELECT FROM ({unread}) AS notification LIMIT 1000) AS counted
