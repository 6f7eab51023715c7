-- Each city by day: visitors and views of its events, and the orders completed that day. One row a store, date and city.
-- revenue = gross - discounts at completion; net_revenue is what is left after all refunds and cancellations so far.
WITH
-- Distinct visitors are counted as groups, which spill to disk where there are many; a set of them would have to fit in memory.
by_visitor AS (
    SELECT date, city, visitor,
           max(country) AS country,
           count(*) FILTER (WHERE type IN ('page_viewed', 'product_list_viewed', 'product_viewed')) AS views,
           count(*) FILTER (WHERE topic = 'user_events' OR type = 'order_completed') AS own,
           min(lat) AS lat, min(lon) AS lon
    FROM silver.events
    WHERE store_id = $store AND date IN ($dates) AND city IS NOT NULL
    GROUP BY date, city, visitor
),
seen AS (
    SELECT date, city, max(country) AS country, sum(views) AS views, count(visitor) FILTER (WHERE own > 0) AS visitors,
           min(lat) AS lat, min(lon) AS lon
    FROM by_visitor
    GROUP BY date, city
),
bought AS (
    SELECT date, city,
           max(country) AS country,
           count(*) AS orders, sum(units) AS units, sum(gross) AS gross, sum(discount) AS discounts, sum(net_revenue) AS net_revenue
    FROM silver.orders
    WHERE store_id = $store AND date IN ($dates) AND city IS NOT NULL
    GROUP BY date, city
)
SELECT $store AS store_id, coalesce(s.date, b.date) AS date, coalesce(s.city, b.city) AS city,
       coalesce(s.country, b.country) AS country, s.lat, s.lon,
       coalesce(s.visitors, 0) AS visitors,
       coalesce(s.views, 0) AS views,
       coalesce(b.orders, 0) AS orders,
       CAST(coalesce(b.units, 0) AS DECIMAL(18, 3)) AS units,
       CAST(coalesce(b.gross, 0) AS DECIMAL(28, 4)) AS gross,
       CAST(coalesce(b.discounts, 0) AS DECIMAL(28, 4)) AS discounts,
       CAST(coalesce(b.gross, 0) - coalesce(b.discounts, 0) AS DECIMAL(28, 4)) AS revenue,
       CAST(coalesce(b.net_revenue, 0) AS DECIMAL(28, 4)) AS net_revenue
FROM seen s
FULL JOIN bought b ON b.date = s.date AND b.city = s.city
