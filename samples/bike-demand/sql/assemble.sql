-- One row an hour: the calendar and the weather, which a forecast gives, and how many bikes were hired in it. `casual` and `registered` are parts of
-- the label and stay out.
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
