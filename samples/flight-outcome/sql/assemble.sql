-- One row a flight: what is known an hour before it is scheduled to leave, and how it ended.
-- Runs offline over the run's window only; tables are the sources of lifecycle.yaml. Nothing of the flight's own day that is
-- not known by then may enter: no dep_time, no dep_delay, no air_time.
WITH scheduled AS (
  SELECT
    *,
    -- time_hour is the scheduled hour in UTC; minute completes it. hour is the same hour on the clocks of New York.
    time_hour + to_minutes(minute) AS scheduled_at,
    -- The timetable is published long before, so the crowd of the hour is known.
    count(*) OVER (PARTITION BY origin, time_hour) AS departures_in_hour
  FROM flights
)
SELECT
  scheduled_at,
  -- A cancelled flight may have no aircraft yet: its number stands for it.
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
  -- A flight that never left is cancelled. One that left and never arrived was diverted: it has no label, and rows without a label are left out.
  CASE
    WHEN dep_time IS NULL THEN 'cancelled'
    WHEN arr_delay > 60 THEN 'very late'
    WHEN arr_delay > 15 THEN 'late'
    WHEN arr_delay IS NOT NULL THEN 'on time'
  END AS outcome
FROM scheduled
-- Point in time: the last observation at the airport that was made an hour before the schedule or earlier.
ASOF LEFT JOIN (
  SELECT origin AS airport, time_hour AS observed_at, temp, dewp, humid, wind_speed, precip, pressure, visib FROM weather
) AS observed
  ON scheduled.origin = observed.airport
  AND observed.observed_at <= scheduled.scheduled_at - INTERVAL 1 HOUR
