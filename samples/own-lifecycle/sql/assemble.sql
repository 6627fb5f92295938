-- One row per hour: the calendar, the weather with the felt temperature from the stage `weather`,
-- and the number of hired bikes.
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
