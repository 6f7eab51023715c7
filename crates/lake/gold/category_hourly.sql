-- Each category by day, weekday and hour of the store. One row a store, date, hour and category with a view, cart or order.
-- weekday: Monday = 1 … Sunday = 7. revenue: what the orders completed that hour paid for it, less its share of their
-- discounts, before refunds. visitors: distinct visitors who viewed it in that hour.
WITH
-- Lines of the orders completed on these days, each less its share of the order's discount.
-- An event is known by its offset: an id can come again once it is forgotten.
terms AS (
    SELECT order_id, "offset", date, discount
    FROM (
        SELECT e.order_id, e."offset", o.date, o.discount,
               row_number() OVER (PARTITION BY e.order_id ORDER BY e.time DESC, e.event_id DESC, e."offset") AS newest
        FROM silver.events e
        JOIN silver.orders o ON o.order_id = e.order_id
        WHERE o.store_id = $store AND o.date IN ($dates)
          AND e.store_id = $store AND e.topic = 'transactions' AND e.type IN ('order_completed', 'order_updated')
          AND (e.products > 0 OR e.order_subtotal IS NOT NULL OR e.order_total IS NOT NULL OR e.order_revenue IS NOT NULL)
    ) ranked
    WHERE newest = 1
),
-- The hour an order counts in is that of its completion, whatever was said of its lines later.
completed AS (
    SELECT order_id, hour, weekday
    FROM (
        SELECT order_id, hour, weekday, row_number() OVER (PARTITION BY order_id ORDER BY time, event_id) AS earliest
        FROM silver.events
        WHERE store_id = $store AND topic = 'transactions' AND type = 'order_completed'
    ) ranked
    WHERE earliest = 1
),
lines AS (
    SELECT t.date, t.discount, l.*,
           sum(l.line_total) OVER (PARTITION BY l.order_id) AS whole,
           sum(l.line_total) OVER (PARTITION BY l.order_id ORDER BY l.line) AS upto
    FROM (SELECT i.order_id, i."offset", i.line, i.product_id, i.name, i.category, i.brand, i.quantity, i.line_total, i.cost,
                 c.hour, c.weekday
          FROM silver.line_items i
          JOIN completed c ON c.order_id = i.order_id
          WHERE i.store_id = $store AND i.topic = 'transactions') l
    JOIN terms t ON t.order_id = l.order_id AND t."offset" = l."offset"
),
shares AS (
    SELECT *,
           CAST(CASE WHEN whole = 0 THEN 0 ELSE round(CAST(discount AS DECIMAL(38, 4)) * upto / whole, 4) END AS DECIMAL(38, 4)) AS discount_upto
    FROM lines
),
sold AS (
    SELECT date, order_id, product_id, name, category, brand, quantity, CAST(round(coalesce(cost, 0) * quantity, 4) AS DECIMAL(38, 4)) AS cost, hour, weekday,
           line_total - (discount_upto - lag(discount_upto, 1, 0) OVER (PARTITION BY order_id ORDER BY line)) AS net
    FROM shares
),
-- Distinct visitors are counted as groups, which spill to disk where there are many; a set of them would have to fit in memory.
by_visitor AS (
    SELECT date, weekday, hour, category, visitor,
           count(*) FILTER (WHERE type = 'product_viewed') AS views,
           count(*) FILTER (WHERE type = 'product_added') AS carts
    FROM silver.line_items
    WHERE store_id = $store AND date IN ($dates) AND line = 1 AND type IN ('product_viewed', 'product_added') AND category IS NOT NULL
    GROUP BY date, weekday, hour, category, visitor
),
seen AS (
    SELECT date, weekday, hour, category, sum(views) AS views, sum(carts) AS carts, count(visitor) FILTER (WHERE views > 0) AS visitors
    FROM by_visitor
    GROUP BY date, weekday, hour, category
),
bought AS (
    SELECT date, weekday, hour, category,
           count(DISTINCT order_id) AS orders, sum(quantity) AS units, sum(net) AS revenue, sum(cost) AS cost
    FROM sold
    WHERE category IS NOT NULL
    GROUP BY date, weekday, hour, category
)
SELECT $store AS store_id, coalesce(s.date, b.date) AS date, coalesce(s.weekday, b.weekday) AS weekday, coalesce(s.hour, b.hour) AS hour, coalesce(s.category, b.category) AS category,
       coalesce(s.views, 0) AS views,
       coalesce(s.carts, 0) AS carts,
       coalesce(s.visitors, 0) AS visitors,
       coalesce(b.orders, 0) AS orders,
       CAST(coalesce(b.units, 0) AS DECIMAL(18, 3)) AS units,
       CAST(coalesce(b.revenue, 0) AS DECIMAL(28, 4)) AS revenue,
       CAST(coalesce(b.cost, 0) AS DECIMAL(28, 4)) AS cost,
       CAST(coalesce(b.revenue, 0) - coalesce(b.cost, 0) AS DECIMAL(28, 4)) AS profit
FROM seen s
FULL JOIN bought b ON b.date = s.date AND b.weekday = s.weekday AND b.hour = s.hour AND b.category = s.category
