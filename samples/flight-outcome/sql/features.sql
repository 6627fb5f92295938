-- Features of one request row. The same file runs over the training rows and in the gateway, so it sees one row at a time:
-- no aggregates, no joins, no clock. Missing numbers and texts stay missing; the trainer knows them.
SELECT
  carrier,
  origin,
  dest,
  distance,
  -- The day's delays pile up from morning to night.
  scheduled_hour + scheduled_minute / 60.0 AS local_time,
  weekday,
  departures_in_hour,
  temp,
  -- Near zero, air is saturated: fog, rain, snow.
  temp - dewp AS dew_point_spread,
  humid,
  -- One reading of 2013 says 1,048 miles an hour: an instrument's mistake is no weather.
  CASE WHEN wind_speed <= 200 THEN wind_speed END AS wind_speed,
  precip,
  pressure,
  visib
  -- No month: a model is asked about months that it has not seen.
FROM request
