-- The features of one request. Training and the gateway run this same query.
SELECT
  plan,
  months,
  monthly_charge,
  support_calls,
  support_calls / (months + 1) AS calls_per_month
FROM request
