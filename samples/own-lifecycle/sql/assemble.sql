-- One row an hour: the calendar, the weather with the felt temperature of the stage `weather`, and
-- how many bikes were hired.
SELECT
  hour_at,
  hr,
  weekday,
  holiday,
  workingday,
  weathersit,
  felt AS temp,
  hum,
  windspeed,
  bikers
FROM bikes
