-- Days whose figures change with orders of other days: those on which such an order was paid back or cancelled.
SELECT DISTINCT e.store_id, e.date
FROM silver.events e
JOIN silver.orders o ON o.order_id = e.order_id
WHERE o.store_id = $store AND o.date IN ($dates)
  AND e.store_id = $store AND e.topic = 'transactions' AND e.type IN ('order_refunded', 'order_cancelled')
UNION
SELECT DISTINCT b.store_id, b.date
FROM silver.events e
JOIN silver.events b ON b.order_id = e.order_id
WHERE e.store_id = $store AND e.date IN ($dates) AND e.topic = 'transactions'
  AND e.type IN ('order_refunded', 'order_cancelled', 'order_updated')
  AND b.store_id = $store AND b.topic = 'transactions' AND b.type IN ('order_refunded', 'order_cancelled')
