-- Features of one request row: numbers and texts. No aggregates, joins or clock: the gateway sees one row at a time.
SELECT
  channel,
  items,
  amount,
  hour(ordered_at) AS hour,
  isodow(ordered_at) AS weekday
FROM request
