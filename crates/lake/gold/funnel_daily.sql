-- The purchase funnel by day and step: view, cart, checkout, purchase. Four rows a store and date.
-- sessions: sessions begun that day that reached the step at any time. events: events of the step that day; of the purchase, orders
-- completed that day. visitors: distinct visitors who reached the step that day, and every earlier step of which the store sent any event
-- that day; whose events are 0 is left out. Of the completions of one order by one visitor the first that was received is the purchase.
WITH
steps AS (
    SELECT column1 AS step_number, column2 AS step FROM (VALUES (1, 'view'), (2, 'cart'), (3, 'checkout'), (4, 'purchase'))
),
-- Orders completed on these days, and when they were completed before.
completed AS (
    SELECT DISTINCT order_id
    FROM silver.events
    WHERE store_id = $store AND date IN ($dates) AND topic = 'transactions' AND type = 'order_completed'
),
completions AS (
    SELECT e.store_id, e.date, e.visitor, row_number() OVER (PARTITION BY e.order_id, e.visitor ORDER BY e."offset") AS nth
    FROM silver.events e JOIN completed c ON c.order_id = e.order_id
    WHERE e.store_id = $store AND e.topic = 'transactions' AND e.type = 'order_completed' AND e.visitor IS NOT NULL
),
reached AS (
    SELECT store_id, date, visitor,
           CASE WHEN type = 'product_viewed' THEN 1 WHEN type = 'product_added' THEN 2 ELSE 3 END AS step_number
    FROM silver.events
    WHERE store_id = $store AND date IN ($dates)
      AND type IN ('product_viewed', 'product_added', 'checkout_started', 'checkout_step_viewed', 'checkout_step_completed', 'payment_info_entered')
    UNION ALL
    SELECT store_id, date, visitor, 4 AS step_number FROM completions WHERE nth = 1 AND date IN ($dates)
),
-- Distinct visitors are counted as groups, which spill to disk where there are many; a set of them would have to fit in memory.
by_visitor AS (
    SELECT store_id, date, visitor,
           count(*) FILTER (WHERE step_number = 1) AS views,
           count(*) FILTER (WHERE step_number = 2) AS carts,
           count(*) FILTER (WHERE step_number = 3) AS checkouts,
           count(*) FILTER (WHERE step_number = 4) AS purchases
    FROM reached
    GROUP BY store_id, date, visitor
),
by_events AS (
    SELECT store_id, date, sum(views) AS views, sum(carts) AS carts, sum(checkouts) AS checkouts
    FROM by_visitor
    GROUP BY store_id, date
),
by_visitors AS (
    SELECT v.store_id, v.date,
           count(*) FILTER (WHERE v.views > 0) AS viewed,
           count(*) FILTER (WHERE v.carts > 0 AND (v.views > 0 OR e.views = 0)) AS carted,
           count(*) FILTER (WHERE v.checkouts > 0 AND (v.views > 0 OR e.views = 0) AND (v.carts > 0 OR e.carts = 0)) AS checked_out,
           count(*) FILTER (WHERE v.purchases > 0 AND (v.views > 0 OR e.views = 0) AND (v.carts > 0 OR e.carts = 0)
                                  AND (v.checkouts > 0 OR e.checkouts = 0)) AS purchased
    FROM by_visitor v JOIN by_events e ON e.date = v.date
    GROUP BY v.store_id, v.date
),
by_sessions AS (
    SELECT store_id, date,
           count(*) FILTER (WHERE viewed) AS viewed,
           count(*) FILTER (WHERE carted) AS carted,
           count(*) FILTER (WHERE checked_out) AS checked_out,
           count(*) FILTER (WHERE purchased) AS purchased
    FROM silver.sessions
    WHERE store_id = $store AND date IN ($dates)
    GROUP BY store_id, date
),
orders AS (
    SELECT date, count(*) AS orders FROM silver.orders WHERE store_id = $store AND date IN ($dates) GROUP BY date
),
days AS (
    SELECT DISTINCT store_id, date FROM silver.events WHERE store_id = $store AND date IN ($dates)
)
SELECT d.store_id, d.date, s.step_number, s.step,
       coalesce(CASE s.step_number WHEN 1 THEN b.viewed WHEN 2 THEN b.carted WHEN 3 THEN b.checked_out ELSE b.purchased END, 0) AS sessions,
       coalesce(CASE s.step_number WHEN 1 THEN v.viewed WHEN 2 THEN v.carted WHEN 3 THEN v.checked_out
                     WHEN 4 THEN CASE WHEN o.orders > 0 THEN v.purchased END END, 0) AS visitors,
       coalesce(CASE s.step_number WHEN 1 THEN e.views WHEN 2 THEN e.carts WHEN 3 THEN e.checkouts ELSE o.orders END, 0) AS events
FROM days d
CROSS JOIN steps s
LEFT JOIN by_sessions b ON b.date = d.date
LEFT JOIN by_visitors v ON v.date = d.date
LEFT JOIN by_events e ON e.date = d.date
LEFT JOIN orders o ON o.date = d.date
