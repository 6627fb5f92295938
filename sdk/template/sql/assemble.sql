-- One row per prediction: the columns known at request time, and the label.
SELECT
  customer_id,
  plan,
  months,
  monthly_charge,
  support_calls,
  churned = 1 AS churned
FROM customers
