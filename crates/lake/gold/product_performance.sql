-- Each product by day. One row a store, date and product that was viewed, put into a cart or ordered.
-- revenue: what the orders completed that day paid for it, less its share of their discounts, before refunds.
-- visitors: distinct visitors who viewed it.
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
lines AS (
    SELECT t.date, t.discount, l.*,
           sum(l.line_total) OVER (PARTITION BY l.order_id) AS whole,
           sum(l.line_total) OVER (PARTITION BY l.order_id ORDER BY l.line) AS upto
    FROM (SELECT order_id, "offset", line, product_id, name, category, brand, quantity, line_total, cost
          FROM silver.line_items
          WHERE store_id = $store AND topic = 'transactions') l
    JOIN terms t ON t.order_id = l.order_id AND t."offset" = l."offset"
),
shares AS (
    SELECT *,
           CAST(CASE WHEN whole = 0 THEN 0 ELSE round(CAST(discount AS DECIMAL(38, 4)) * upto / whole, 4) END AS DECIMAL(38, 4)) AS discount_upto
    FROM lines
),
sold AS (
    SELECT date, order_id, product_id, name, category, brand, quantity, CAST(round(coalesce(cost, 0) * quantity, 4) AS DECIMAL(38, 4)) AS cost,
           line_total - (discount_upto - lag(discount_upto, 1, 0) OVER (PARTITION BY order_id ORDER BY line)) AS net
    FROM shares
),
-- Distinct visitors are counted as groups, which spill to disk where there are many; a set of them would have to fit in memory.
by_visitor AS (
    SELECT date, product_id, visitor,
           max(name) AS name, max(category) AS category, max(brand) AS brand,
           count(*) FILTER (WHERE type = 'product_viewed') AS views,
           count(*) FILTER (WHERE type = 'product_added') AS carts
    FROM silver.line_items
    WHERE store_id = $store AND date IN ($dates) AND line = 1 AND type IN ('product_viewed', 'product_added')
    GROUP BY date, product_id, visitor
),
seen AS (
    SELECT date, product_id,
           max(name) AS name, max(category) AS category, max(brand) AS brand,
           sum(views) AS views, sum(carts) AS carts, count(visitor) FILTER (WHERE views > 0) AS visitors
    FROM by_visitor
    GROUP BY date, product_id
),
bought AS (
    SELECT date, product_id,
           max(name) AS name, max(category) AS category, max(brand) AS brand,
           count(DISTINCT order_id) AS orders, sum(quantity) AS units, sum(net) AS revenue, sum(cost) AS cost
    FROM sold
    GROUP BY date, product_id
)
SELECT $store AS store_id, coalesce(s.date, b.date) AS date, coalesce(s.product_id, b.product_id) AS product_id,
       coalesce(s.name, b.name) AS name, coalesce(s.category, b.category) AS category, coalesce(s.brand, b.brand) AS brand,
       coalesce(s.views, 0) AS views,
       coalesce(s.carts, 0) AS carts,
       coalesce(s.visitors, 0) AS visitors,
       coalesce(b.orders, 0) AS orders,
       CAST(coalesce(b.units, 0) AS DECIMAL(18, 3)) AS units,
       CAST(coalesce(b.revenue, 0) AS DECIMAL(28, 4)) AS revenue,
       CAST(coalesce(b.cost, 0) AS DECIMAL(28, 4)) AS cost,
       CAST(coalesce(b.revenue, 0) - coalesce(b.cost, 0) AS DECIMAL(28, 4)) AS profit
FROM seen s
FULL JOIN bought b ON b.date = s.date AND b.product_id = s.product_id
