-- Features of one request row. The same file runs over the training rows and in the gateway.
SELECT
  hr,
  weekday,
  holiday,
  workingday,
  weathersit,
  temp,
  hum,
  windspeed,
  -- Commuters ride on working days, so the hour has a different effect then.
  hr + 24 * workingday AS hour_of_week_kind
FROM request
