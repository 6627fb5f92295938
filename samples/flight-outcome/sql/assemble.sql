-- One row per flight: what is known an hour before scheduled departure, and how it ended. Runs
-- offline, only over the run's window. The tables are the sources of lifecycle.yaml. Columns that
-- become known later must not be used as features: no dep_time, dep_delay or air_time.
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
  -- A cancelled flight may have no aircraft yet; the flight number then replaces the tail number.
  coalesce(tailnum, carrier || flight) AS aircraft,
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
  -- A flight that never left is cancelled. A flight that left and never arrived was diverted. It
  -- has no label, and rows without a label are left out.
  CASE
    WHEN dep_time IS NULL THEN 'cancelled'
    WHEN arr_delay > 60 THEN 'very late'
    WHEN arr_delay > 15 THEN 'late'
    WHEN arr_delay IS NOT NULL THEN 'on time'
  END AS outcome
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
