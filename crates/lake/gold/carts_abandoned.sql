-- Carts by the day they were begun, with what became of them. One row a store and date.
-- not_bought: carts that held something and were not ordered: open or abandoned. Values at the last known prices.
SELECT store_id, date,
       count(*) AS carts,
       count(*) FILTER (WHERE status = 'open') AS open,
       count(*) FILTER (WHERE status = 'abandoned') AS abandoned,
       count(*) FILTER (WHERE status = 'recovered') AS recovered,
       count(*) FILTER (WHERE status = 'converted') AS converted,
       count(*) FILTER (WHERE status = 'emptied') AS emptied,
       count(*) FILTER (WHERE status IN ('open', 'abandoned')) AS not_bought,
       count(*) FILTER (WHERE status = 'abandoned' AND last_step = 'checkout') AS abandoned_in_checkout,
       coalesce(sum(items) FILTER (WHERE status = 'abandoned'), 0) AS abandoned_items,
       CAST(coalesce(sum(value) FILTER (WHERE status = 'abandoned'), 0) AS DECIMAL(28, 4)) AS abandoned_value,
       CAST(coalesce(sum(value) FILTER (WHERE status = 'recovered'), 0) AS DECIMAL(28, 4)) AS recovered_value,
       CAST(coalesce(sum(value) FILTER (WHERE status IN ('open', 'abandoned')), 0) AS DECIMAL(28, 4)) AS not_bought_value
FROM silver.carts
WHERE store_id = $store AND date IN ($dates)
GROUP BY store_id, date
