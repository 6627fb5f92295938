-- Features of one request row. The same file runs over the training rows and in the gateway, one
-- row at a time: no aggregates, joins or current time. Missing values stay missing; the trainer
-- handles them.
SELECT
  carrier,
  origin,
  dest,
  distance,
  -- Delays accumulate over the day.
  scheduled_hour + scheduled_minute / 60.0 AS local_time,
  weekday,
  departures_in_hour,
  temp,
  -- Near zero, the air is saturated, which means fog, rain or snow.
  temp - dewp AS dew_point_spread,
  humid,
  -- One reading of 2013 is 1,048 miles per hour, which is an instrument error.
  CASE WHEN wind_speed <= 200 THEN wind_speed END AS wind_speed,
  precip,
  pressure,
  visib
  -- The month is not a feature: requests come from months that the model was not trained on.
FROM request
