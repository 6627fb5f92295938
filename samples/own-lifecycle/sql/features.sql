-- Features of one request row, the same over the training rows and in the gateway.
SELECT
  hr,
  weekday,
  holiday,
  workingday,
  weathersit,
  temp,
  hum,
  windspeed,
  -- Commuters ride on working days: the hour means something else then.
  hr + 24 * workingday AS hour_of_week_kind
FROM request
