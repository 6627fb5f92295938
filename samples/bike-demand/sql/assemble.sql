-- One row per hour: calendar, weather (known from a forecast) and the number of hired bikes.
-- `casual` and `registered` are parts of the label, so they are left out.
SELECT
  hour_at,
  hr,
  weekday,
  holiday,
  workingday,
  weathersit,
  temp,
  hum,
  windspeed,
  bikers
FROM bikes
