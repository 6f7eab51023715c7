-- The purchase funnel by day and step: view, cart, checkout, purchase. Four rows a store and date.
-- sessions: sessions begun that day that reached the step at any time. visitors: distinct visitors with an event of the step
-- that day. events: events of the step that day.
WITH
steps AS (
    SELECT column1 AS step_number, column2 AS step FROM (VALUES (1, 'view'), (2, 'cart'), (3, 'checkout'), (4, 'purchase'))
),
reached AS (
    SELECT store_id, date, visitor,
           CASE WHEN type = 'product_viewed' THEN 1
                WHEN type = 'product_added' THEN 2
                WHEN type IN ('checkout_started', 'checkout_step_viewed', 'checkout_step_completed', 'payment_info_entered') THEN 3
                WHEN type = 'order_completed' THEN 4
           END AS step_number
    FROM silver.events
    WHERE store_id = $store AND date IN ($dates)
),
-- Distinct visitors are counted as groups, which spill to disk where there are many; a set of them would have to fit in memory.
by_visitor AS (
    SELECT store_id, date, step_number, visitor, count(*) AS events
    FROM reached
    WHERE step_number IS NOT NULL
    GROUP BY store_id, date, step_number, visitor
),
by_events AS (
    SELECT store_id, date, step_number, sum(events) AS events, count(visitor) AS visitors
    FROM by_visitor
    GROUP BY store_id, date, step_number
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
days AS (
    SELECT DISTINCT store_id, date FROM silver.events WHERE store_id = $store AND date IN ($dates)
)
SELECT d.store_id, d.date, s.step_number, s.step,
       coalesce(CASE s.step_number WHEN 1 THEN b.viewed WHEN 2 THEN b.carted WHEN 3 THEN b.checked_out ELSE b.purchased END, 0) AS sessions,
       coalesce(e.visitors, 0) AS visitors,
       coalesce(e.events, 0) AS events
FROM days d
CROSS JOIN steps s
LEFT JOIN by_sessions b ON b.date = d.date
LEFT JOIN by_events e ON e.date = d.date AND e.step_number = s.step_number
