-- One row a request: what is known when it is made, and the label that is known later.
-- Join other sources here, point in time: nothing may enter that is not known at the request's time. Rows without a label are left out.
SELECT
  ordered_at,
  customer,
  channel,
  items,
  amount,
  returned
FROM orders
