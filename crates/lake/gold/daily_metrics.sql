-- Every store's key figures by day, in the store's own days and currency. One row a store and date.
-- Orders, units, gross and discounts count on the day the order was completed; refunds and cancellations take back on the day
-- they happened, in time order, never more than the order's revenue (gross - discount). A cancelled order's cost is taken back
-- on the day of its first cancellation.
WITH
-- Distinct visitors are counted as groups, which spill to disk where there are many; a set of them would have to fit in memory.
by_visitor AS (
    SELECT store_id, date, visitor,
           count(*) AS events,
           count(*) FILTER (WHERE type IN ('page_viewed', 'product_list_viewed', 'product_viewed')) AS views,
           count(*) FILTER (WHERE topic = 'user_events' OR type = 'order_completed') AS own
    FROM silver.events
    WHERE store_id = $store AND date IN ($dates)
    GROUP BY store_id, date, visitor
),
days AS (
    SELECT store_id, date, sum(events) AS events, sum(views) AS views, count(visitor) FILTER (WHERE own > 0) AS visitors
    FROM by_visitor
    GROUP BY store_id, date
),
visits AS (
    SELECT store_id, date, count(*) AS sessions
    FROM silver.sessions
    WHERE store_id = $store AND date IN ($dates)
    GROUP BY store_id, date
),
-- Orders that matter: completed on these days, or paid back on them.
back_here AS (
    SELECT DISTINCT order_id
    FROM silver.events
    WHERE store_id = $store AND date IN ($dates) AND topic = 'transactions' AND type IN ('order_refunded', 'order_cancelled')
),
-- What each of those orders last said of its lines and amounts. An event is known by its offset: an id can come again once it is
-- forgotten.
terms AS (
    SELECT order_id, "offset"
    FROM (
        SELECT e.order_id, e."offset",
               row_number() OVER (PARTITION BY e.order_id ORDER BY e.time DESC, e.event_id DESC, e."offset") AS newest
        FROM silver.events e JOIN back_here b ON b.order_id = e.order_id
        WHERE e.store_id = $store AND e.topic = 'transactions' AND e.type IN ('order_completed', 'order_updated')
          AND (e.products > 0 OR e.order_subtotal IS NOT NULL OR e.order_total IS NOT NULL OR e.order_revenue IS NOT NULL)
    ) ranked
    WHERE newest = 1
),
-- Quantities are counted in thousandths here, so that shares of them are exact.
lines AS (
    SELECT l.order_id, l.product_id, l.line, CAST(l.quantity * 1000 AS BIGINT) AS quantity, l.line_total,
           CAST(round(coalesce(l.cost, 0) * l.quantity, 4) AS DECIMAL(38, 4)) AS line_cost,
           sum(l.line_total) OVER (PARTITION BY l.order_id) AS whole,
           sum(l.line_total) OVER (PARTITION BY l.order_id ORDER BY l.line) AS upto,
           sum(CAST(l.quantity * 1000 AS BIGINT)) OVER (PARTITION BY l.order_id, l.product_id ORDER BY l.line) AS units_upto
    FROM silver.line_items l JOIN terms t ON t.order_id = l.order_id AND t."offset" = l."offset"
    WHERE l.store_id = $store AND l.topic = 'transactions'
),
-- Discount by line: the share of the first n lines together is the rounded share of their sum.
shares AS (
    SELECT l.order_id, l.product_id, l.line, l.quantity, l.units_upto, l.line_cost, l.line_total,
           CAST(CASE WHEN l.whole = 0 THEN 0
                     ELSE round(CAST(o.discount AS DECIMAL(38, 4)) * l.upto / l.whole, 4)
                END AS DECIMAL(38, 4)) AS discount_upto
    FROM lines l JOIN silver.orders o ON o.order_id = l.order_id
    WHERE o.store_id = $store
),
net_lines AS (
    SELECT order_id, product_id, line, quantity, units_upto, line_cost,
           line_total - (discount_upto - lag(discount_upto, 1, 0) OVER (PARTITION BY order_id ORDER BY line)) AS net
    FROM shares
),
order_costs AS (
    SELECT order_id, sum(line_cost) AS cost FROM net_lines GROUP BY order_id
),
backs AS (
    SELECT e.order_id, e.event_id, e."offset", e.date, e.time, e.type, coalesce(e.products, 0) AS products, e.order_total,
           coalesce(e.order_revenue, e.order_subtotal - coalesce(e.order_discount, 0)) AS order_goods,
           e.order_tax IS NOT NULL OR e.order_shipping IS NOT NULL AS names_extras,
           coalesce(e.order_tax, 0) + coalesce(e.order_shipping, 0) AS extras
    FROM silver.events e JOIN back_here b ON b.order_id = e.order_id
    WHERE e.store_id = $store AND e.topic = 'transactions' AND e.type IN ('order_refunded', 'order_cancelled')
),
-- Refunded products at the order's own net prices: the next units after those of earlier refunds.
back_lines AS (
    SELECT r."offset", r.order_id, r.product_id, CAST(r.quantity * 1000 AS BIGINT) AS quantity,
           sum(CAST(r.quantity * 1000 AS BIGINT)) OVER (PARTITION BY r.order_id, r.product_id ORDER BY b.time, b.event_id, b."offset" DESC, r.line
                                 ROWS UNBOUNDED PRECEDING) AS back_upto
    FROM silver.line_items r
    JOIN backs b ON b."offset" = r."offset" AND b.order_id = r.order_id
    WHERE r.store_id = $store AND r.topic = 'transactions' AND b.type = 'order_refunded'
),
product_backs AS (
    SELECT r."offset", r.order_id,
           sum(CAST(CASE WHEN n.quantity = 0 THEN 0
                         ELSE CAST(round(CAST(n.net AS DECIMAL(38, 4))
                                         * greatest(0, least(r.back_upto - (n.units_upto - n.quantity), n.quantity)) / n.quantity, 4) AS DECIMAL(38, 4))
                              - CAST(round(CAST(n.net AS DECIMAL(38, 4))
                                           * greatest(0, least(r.back_upto - r.quantity - (n.units_upto - n.quantity), n.quantity)) / n.quantity, 4) AS DECIMAL(38, 4))
                    END AS DECIMAL(38, 4))) AS amount
    FROM back_lines r
    JOIN net_lines n ON n.order_id = r.order_id AND n.product_id = r.product_id
    GROUP BY r."offset", r.order_id
),
-- What each refund asks for goods. Its products, its revenue or subtotal, its total less the tax and shipping it names, the goods' share
-- of a total that names neither, nothing when it names tax or shipping alone, else all.
shared AS (
    SELECT b.*, p.amount AS of_products, o.gross - o.discount AS revenue, o.total AS whole,
           CASE WHEN b.type = 'order_refunded' AND p.amount IS NULL AND b.order_goods IS NULL AND NOT b.names_extras AND o.total <> 0
                THEN coalesce(b.order_total, 0) ELSE 0 END AS share_of
    FROM backs b
    JOIN silver.orders o ON o.order_id = b.order_id
    LEFT JOIN product_backs p ON p."offset" = b."offset" AND p.order_id = b.order_id
    WHERE o.store_id = $store
),
shares_upto AS (
    SELECT *, sum(share_of) OVER (PARTITION BY order_id ORDER BY time, event_id, "offset" DESC ROWS UNBOUNDED PRECEDING) AS share_upto
    FROM shared
),
asked AS (
    SELECT order_id, event_id, "offset", date, time, type, revenue,
           CASE WHEN type = 'order_cancelled' THEN CAST(revenue AS DECIMAL(38, 4))
                WHEN of_products IS NOT NULL THEN CAST(of_products AS DECIMAL(38, 4))
                WHEN order_goods IS NOT NULL THEN CAST(greatest(order_goods, 0) AS DECIMAL(38, 4))
                WHEN order_total IS NOT NULL AND names_extras THEN CAST(greatest(order_total - extras, 0) AS DECIMAL(38, 4))
                WHEN order_total IS NOT NULL AND whole = 0 THEN CAST(order_total AS DECIMAL(38, 4))
                WHEN order_total IS NOT NULL THEN CAST(round(CAST(revenue AS DECIMAL(38, 4)) * share_upto / whole, 4) AS DECIMAL(38, 4))
                                                  - CAST(round(CAST(revenue AS DECIMAL(38, 4)) * (share_upto - share_of) / whole, 4) AS DECIMAL(38, 4))
                WHEN names_extras OR products > 0 THEN CAST(0 AS DECIMAL(38, 4))
                ELSE CAST(revenue AS DECIMAL(38, 4))
           END AS amount
    FROM shares_upto
),
running AS (
    SELECT order_id, date, type, revenue, amount,
           sum(amount) OVER (PARTITION BY order_id ORDER BY time, event_id, "offset" DESC ROWS UNBOUNDED PRECEDING) AS upto,
           row_number() OVER (PARTITION BY order_id, type ORDER BY time, event_id, "offset" DESC) AS nth
    FROM asked
),
refunds AS (
    SELECT r.date,
           sum(least(r.upto, r.revenue) - least(r.upto - r.amount, r.revenue)) AS refunds,
           sum(CASE WHEN r.type = 'order_cancelled' AND r.nth = 1 THEN coalesce(c.cost, 0) ELSE 0 END) AS cost_back
    FROM running r LEFT JOIN order_costs c ON c.order_id = r.order_id
    WHERE r.date IN ($dates)
    GROUP BY r.date
),
-- silver.orders has the cost of what was kept; the cost at completion is that of the lines.
sold AS (
    SELECT o.store_id, o.date, count(*) AS orders, sum(o.units) AS units, sum(o.gross) AS gross, sum(o.discount) AS discounts,
           sum(o.tax) AS tax, sum(o.shipping) AS shipping,
           sum(CASE WHEN o.status = 'cancelled' THEN coalesce(c.cost, 0) ELSE o.cost END) AS cost
    FROM silver.orders o
    LEFT JOIN (
        SELECT l.order_id, sum(CAST(round(coalesce(l.cost, 0) * l.quantity, 4) AS DECIMAL(38, 4))) AS cost
        FROM silver.line_items l
        JOIN (
            SELECT order_id, "offset"
            FROM (
                SELECT e.order_id, e."offset",
                       row_number() OVER (PARTITION BY e.order_id ORDER BY e.time DESC, e.event_id DESC, e."offset") AS newest
                FROM silver.events e
                JOIN silver.orders k ON k.order_id = e.order_id
                WHERE k.store_id = $store AND k.date IN ($dates) AND k.status = 'cancelled'
                  AND e.store_id = $store AND e.topic = 'transactions' AND e.type IN ('order_completed', 'order_updated')
                  AND (e.products > 0 OR e.order_subtotal IS NOT NULL OR e.order_total IS NOT NULL OR e.order_revenue IS NOT NULL)
            ) ranked
            WHERE newest = 1
        ) t ON t.order_id = l.order_id AND t."offset" = l."offset"
        WHERE l.store_id = $store AND l.topic = 'transactions'
        GROUP BY l.order_id
    ) c ON c.order_id = o.order_id
    WHERE o.store_id = $store AND o.date IN ($dates)
    GROUP BY o.store_id, o.date
)
SELECT d.store_id, d.date, d.events, d.views, d.visitors,
       coalesce(v.sessions, 0) AS sessions,
       coalesce(s.orders, 0) AS orders,
       CAST(coalesce(s.units, 0) AS DECIMAL(18, 3)) AS units,
       CAST(coalesce(s.gross, 0) AS DECIMAL(28, 4)) AS gross,
       CAST(coalesce(s.discounts, 0) AS DECIMAL(28, 4)) AS discounts,
       CAST(coalesce(r.refunds, 0) AS DECIMAL(28, 4)) AS refunds,
       CAST(coalesce(s.gross, 0) - coalesce(s.discounts, 0) - coalesce(r.refunds, 0) AS DECIMAL(28, 4)) AS net_revenue,
       CAST(coalesce(s.cost, 0) - coalesce(r.cost_back, 0) AS DECIMAL(28, 4)) AS cost,
       CAST(coalesce(s.gross, 0) - coalesce(s.discounts, 0) - coalesce(r.refunds, 0)
            - coalesce(s.cost, 0) + coalesce(r.cost_back, 0) AS DECIMAL(28, 4)) AS profit,
       CAST(coalesce(s.tax, 0) AS DECIMAL(28, 4)) AS tax,
       CAST(coalesce(s.shipping, 0) AS DECIMAL(28, 4)) AS shipping
FROM days d
LEFT JOIN visits v ON v.date = d.date
LEFT JOIN sold s ON s.date = d.date
LEFT JOIN refunds r ON r.date = d.date
