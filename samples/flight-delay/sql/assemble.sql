-- One row per flight: what is known an hour before scheduled departure, and whether it landed late.
-- Runs offline, only over the run's window. The tables are the sources of lifecycle.yaml. Columns
-- that become known later must not be used as features: no dep_time, dep_delay or air_time.
WITH scheduled AS (
  SELECT
    *,
    -- time_hour is the scheduled hour in UTC; minute completes it. hour is the hour in New York.
    time_hour + to_minutes(minute) AS scheduled_at,
    -- The timetable is published long before, so the number of departures in the hour is known.
    count(*) OVER (PARTITION BY origin, time_hour) AS departures_in_hour
  FROM flights
)
SELECT
  scheduled_at,
  tailnum,
  carrier,
  origin,
  dest,
  distance,
  hour AS scheduled_hour,
  minute AS scheduled_minute,
  isodow(make_date(year, month, day)) AS weekday,
  departures_in_hour,
  temp,
  dewp,
  humid,
  wind_speed,
  precip,
  pressure,
  visib,
  -- Cancelled and diverted flights never arrived, so they have no label. Such rows are left out.
  arr_delay > 15 AS late
FROM scheduled
-- Point-in-time join: the last observation at the airport at least an hour before departure.
ASOF LEFT JOIN (
  SELECT
    origin AS airport, time_hour AS observed_at,
    temp, dewp, humid, wind_speed, precip, pressure, visib
  FROM weather
) AS observed
  ON scheduled.origin = observed.airport
  AND observed.observed_at <= scheduled.scheduled_at - INTERVAL 1 HOUR
