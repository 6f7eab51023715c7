-- Questions asked of PostgreSQL 15 and of Tradewind over the same rows; see tests/query/beside_postgres.rs.
-- A question ends at the end of its line. `-- refused: WHY` before one says that Tradewind refuses it in words;
-- `-- differs: WHY` says that it answers otherwise, which is documented. `-- zone: NAME` sets the session's zone from there on.

-- # Date and time
SELECT date_trunc('hour', completed_at), date_trunc('day', completed_at), date_trunc('week', completed_at), date_trunc('month', completed_at), date_trunc('quarter', completed_at), date_trunc('year', completed_at) FROM silver.orders
SELECT date_trunc('decade', completed_at), date_trunc('century', completed_at), date_trunc('millennium', completed_at), date_trunc('minute', completed_at), date_trunc('second', completed_at), date_trunc('milliseconds', completed_at), date_trunc('microseconds', completed_at) FROM silver.orders
SELECT date_trunc('day', completed_at, 'Asia/Tokyo'), date_trunc('month', completed_at, 'America/New_York') FROM silver.orders
SELECT date_trunc('month', date) FROM silver.orders
SELECT date_trunc('hour', TIMESTAMP '2026-11-10 09:59:59.999')
SELECT date_trunc('hour', INTERVAL '2 days 3 hours 40 minutes 20 seconds')
SELECT completed_at::date, CAST(completed_at AS date), completed_at::timestamp, completed_at::time FROM silver.orders
SELECT completed_at::text, date::text, completed_at::timestamp::text FROM silver.orders
SELECT extract(year FROM completed_at), extract(month FROM completed_at), extract(day FROM completed_at), extract(hour FROM completed_at), extract(minute FROM completed_at), extract(second FROM completed_at) FROM silver.orders
SELECT extract(dow FROM completed_at), extract(isodow FROM completed_at), extract(doy FROM completed_at), extract(week FROM completed_at), extract(isoyear FROM completed_at), extract(quarter FROM completed_at) FROM silver.orders
SELECT extract(epoch FROM completed_at), extract(milliseconds FROM completed_at), extract(microseconds FROM completed_at) FROM silver.orders
SELECT extract(century FROM completed_at), extract(decade FROM completed_at), extract(millennium FROM completed_at), extract(julian FROM date) FROM silver.orders
SELECT extract(timezone FROM completed_at), extract(timezone_hour FROM completed_at), extract(timezone_minute FROM completed_at) FROM silver.orders
SELECT extract(day FROM date), extract(epoch FROM date), extract(dow FROM date) FROM silver.orders
SELECT extract(day FROM INTERVAL '40 days 1 minute'), extract(hour FROM INTERVAL '40 days 1 hour'), extract(epoch FROM INTERVAL '1 month 1 day 1 second'), extract(year FROM INTERVAL '25 months'), extract(month FROM INTERVAL '25 months')
SELECT extract(hour FROM TIME '17:12:28.5'), extract(second FROM TIME '17:12:28.5')
SELECT date_part('hour', completed_at), date_part('second', completed_at), date_part('epoch', completed_at) FROM silver.orders
SELECT date_part('day', INTERVAL '5 days 3 hours')
SELECT DATE '2026-11-10' + 7, DATE '2026-11-10' - 7, 7 + DATE '2026-11-10'
SELECT DATE '2026-12-25' - DATE '2026-11-10'
SELECT DATE '2026-11-10' + INTERVAL '1 hour', DATE '2026-11-10' - INTERVAL '1 month'
SELECT DATE '2026-11-10' + TIME '03:00'
SELECT TIMESTAMP '2026-01-31 00:00' + INTERVAL '1 month', TIMESTAMP '2024-02-29 12:00' + INTERVAL '1 year', TIMESTAMP '2026-03-31' - INTERVAL '1 month'
SELECT TIMESTAMP '2026-11-10 18:00' - TIMESTAMP '2026-11-08 12:30'
SELECT completed_at - TIMESTAMPTZ '2026-11-01 00:00:00+00' FROM silver.orders
SELECT completed_at + INTERVAL '1 day 2 hours', completed_at - INTERVAL '90 minutes' FROM silver.orders
SELECT TIME '05:00' + INTERVAL '3 hours', TIME '05:00' - INTERVAL '2 hours', TIME '05:00' - TIME '03:00'
SELECT INTERVAL '1 day' + INTERVAL '1 hour', INTERVAL '1 day' - INTERVAL '1 hour', - INTERVAL '23 hours'
SELECT 900 * INTERVAL '1 second', INTERVAL '1 day' * 21, INTERVAL '1 hour' * 3.5, INTERVAL '1 hour' / 1.5
SELECT INTERVAL '1-2', INTERVAL '3 4:05:06', INTERVAL '1 year 2 months 3 days 4 hours 5 minutes 6 seconds', INTERVAL 'P1Y2M3DT4H5M6S'
SELECT INTERVAL '1' YEAR, INTERVAL '2' MONTH, INTERVAL '3' DAY, INTERVAL '4' HOUR, INTERVAL '5' MINUTE, INTERVAL '6' SECOND
SELECT INTERVAL '1 day' = INTERVAL '24 hours', INTERVAL '1 month' > INTERVAL '29 days', INTERVAL '1 hour' < INTERVAL '61 minutes'
SELECT INTERVAL '1 week', INTERVAL '1.5 days', INTERVAL '-1 day +02:03', INTERVAL '1 mon -1 day'
SELECT (INTERVAL '1 year 2 mons 3 days 04:05:06.5')::text, (INTERVAL '0')::text
SELECT age(TIMESTAMP '2001-04-10', TIMESTAMP '1957-06-13'), age(TIMESTAMP '2026-03-01', TIMESTAMP '2026-01-31'), age(TIMESTAMP '2026-01-31', TIMESTAMP '2026-03-01')
SELECT age(TIMESTAMPTZ '2026-12-01 00:00:00+00', completed_at) FROM silver.orders
SELECT justify_days(INTERVAL '35 days'), justify_hours(INTERVAL '27 hours'), justify_interval(INTERVAL '1 mon -1 hour')
SELECT make_date(2026, 7, 15), make_time(8, 15, 23.5), make_timestamp(2026, 7, 15, 8, 15, 23.5), make_timestamptz(2026, 7, 15, 8, 15, 23.5), make_timestamptz(2026, 7, 15, 8, 15, 23.5, 'Asia/Tokyo')
SELECT make_interval(days => 10), make_interval(1, 2, 3, 4, 5, 6, 7.5), make_interval(hours => 5, mins => 30)
SELECT date_bin('15 minutes', TIMESTAMP '2026-02-11 15:44:17', TIMESTAMP '2001-01-01'), date_bin('2 hours', completed_at, TIMESTAMPTZ '2026-01-01 00:30:00+00') FROM silver.orders
SELECT isfinite(DATE '2026-02-16'), isfinite(TIMESTAMP '2026-02-16 21:28:30'), isfinite(INTERVAL '4 hours')
SELECT to_timestamp(1284352323), to_timestamp(1284352323.5)
SELECT to_date('05 Dec 2000', 'DD Mon YYYY'), to_date('20261110', 'YYYYMMDD'), to_date('10.11.2026', 'DD.MM.YYYY')
SELECT to_timestamp('05 Dec 2000', 'DD Mon YYYY'), to_timestamp('2026-11-10 17:05:09', 'YYYY-MM-DD HH24:MI:SS'), to_timestamp('2026-11-10 12:30 pm', 'YYYY-MM-DD HH12:MI pm')
SELECT to_char(completed_at, 'YYYY-MM-DD'), to_char(completed_at, 'HH24:MI:SS'), to_char(completed_at, 'HH12:MI:SS AM'), to_char(completed_at, 'Day, DD Month YYYY'), to_char(completed_at, 'FMDay, FMDD FMMonth YYYY') FROM silver.orders
SELECT to_char(completed_at, 'IYYY-IW'), to_char(completed_at, 'ID'), to_char(completed_at, 'D'), to_char(completed_at, 'DDD'), to_char(completed_at, 'Q'), to_char(completed_at, 'WW'), to_char(completed_at, 'W'), to_char(completed_at, 'J') FROM silver.orders
SELECT to_char(completed_at, 'DY Dy dy MON Mon mon'), to_char(completed_at, 'MS US FF3'), to_char(completed_at, 'TZ OF'), to_char(completed_at, 'CC YY Y,YYY'), to_char(completed_at, '"Week" IW'), to_char(completed_at, 'RM') FROM silver.orders
SELECT to_char(date, 'DDth Month'), to_char(date, 'YYYY"Q"Q') FROM silver.orders
SELECT to_char(INTERVAL '15h 2m 12s', 'HH24:MI:SS'), to_char(TIME '15:02:12', 'HH12:MI PM')
SELECT to_char(125, '999'), to_char(125.8::real, '999D9'), to_char(-125.8, '999D99S'), to_char(1234567.891, '9,999,999.99'), to_char(0.1, '0.99'), to_char(-0.1, 'FM9.99'), to_char(12, '9990999.9')
SELECT to_char(485, 'RN'), to_char(485, 'L999'), to_char(148.5, 'FM999.999'), to_char(1485, '9G999'), to_char(-485, '999PR'), to_char(482, '999th'), to_char(485, 'FMRN'), to_char(-485, 'S999'), to_char(485, '999MI'), to_char(0, '999'), to_char(1000, '99')
-- refused: EEEE and V are not offered
SELECT to_char(12.34, '99V99'), to_char(0.0004859, '9.99EEEE')
SELECT to_number('12,454.8-', '99G999D9S'), to_number('1234', '9999'), to_number('-12.5', 'S99D9')
SELECT now() = transaction_timestamp(), now() = statement_timestamp(), clock_timestamp() >= now(), current_timestamp = now(), localtimestamp = now()::timestamp
SELECT current_date = now()::date, pg_typeof(now()), pg_typeof(current_date), pg_typeof(localtimestamp), pg_typeof(localtime)
SELECT (DATE '2026-02-16', DATE '2026-12-21') OVERLAPS (DATE '2026-10-30', DATE '2027-10-30')
SELECT TIMESTAMP '2026-02-16 20:38:40' AT TIME ZONE 'America/Denver', TIMESTAMPTZ '2026-02-16 20:38:40-05' AT TIME ZONE 'America/Denver', TIMESTAMP '2026-02-16 20:38:40' AT TIME ZONE 'Asia/Tokyo' AT TIME ZONE 'America/Chicago'
SELECT completed_at AT TIME ZONE 'Europe/Berlin', completed_at AT TIME ZONE 'UTC', completed_at AT TIME ZONE INTERVAL '-08:00', completed_at AT TIME ZONE 'CET' FROM silver.orders
SELECT timezone('Asia/Tokyo', completed_at), timezone('Asia/Tokyo', TIMESTAMP '2026-11-10 09:00') FROM silver.orders
SELECT TIMESTAMPTZ '2026-11-10 09:00:00+02', TIMESTAMPTZ '2026-11-10 09:00:00', TIMESTAMPTZ '2026-11-10 09:00:00 Europe/Berlin', TIMESTAMPTZ '2026-11-10T09:00:00Z', TIMESTAMPTZ '2026-11-10'
SELECT TIMESTAMP '2026-11-10 09:00:00+02', '2026-11-10 09:00'::timestamp, '2026-11-10T09:00:00'::timestamp, DATE '20261110', '2026-11-10 09:00:00.123456789'::timestamp
SELECT DATE 'epoch', DATE '2026-11-10' = '2026-11-10', TIME '09:15', TIME '09:15:30.25', '9:5'::time
SELECT count(*) FROM silver.orders WHERE completed_at >= '2026-11-10' AND completed_at < '2026-11-12'
SELECT count(*) FROM silver.orders WHERE completed_at > '2026-11-10 09:30:00+00' AND date IN ('2026-11-10', '2026-11-11')
SELECT count(*) FROM silver.orders WHERE completed_at BETWEEN DATE '2026-11-10' AND DATE '2026-11-12'
SELECT count(*) FROM silver.orders WHERE completed_at > TIMESTAMP '2026-11-10 09:30'
SELECT generate_series(TIMESTAMP '2026-03-01', TIMESTAMP '2026-03-04', '1 day')
SELECT d FROM generate_series(DATE '2026-03-01', DATE '2026-03-03', INTERVAL '1 day') AS d
SELECT d::date FROM generate_series(TIMESTAMPTZ '2026-03-28 00:00+00', TIMESTAMPTZ '2026-03-31 00:00+00', '1 day') AS g(d)
-- zone: Europe/Berlin
SELECT date_trunc('day', completed_at), date_trunc('hour', completed_at), completed_at::date, completed_at::timestamp, extract(hour FROM completed_at), completed_at FROM silver.orders
SELECT TIMESTAMPTZ '2026-11-10 00:00', TIMESTAMPTZ '2026-07-10 00:00', TIMESTAMPTZ '2026-03-29 01:00:00+00', DATE '2026-11-10'::timestamptz, TIMESTAMP '2026-07-01 12:00'::timestamptz
SELECT TIMESTAMPTZ '2026-03-28 12:00' + INTERVAL '1 day', TIMESTAMPTZ '2026-03-28 12:00' + INTERVAL '24 hours', TIMESTAMPTZ '2026-10-24 12:00' + INTERVAL '1 day'
SELECT TIMESTAMPTZ '2026-03-29 02:30', TIMESTAMPTZ '2026-10-25 02:30', TIMESTAMP '2026-03-29 02:30'::timestamptz
SELECT count(*) FROM silver.orders WHERE completed_at >= '2026-11-10 10:00' AND completed_at < '2026-11-10 11:00'
SELECT to_char(completed_at, 'HH24:MI TZ OF'), completed_at::text, to_timestamp('2026-07-01 12:00', 'YYYY-MM-DD HH24:MI'), to_timestamp(0) FROM silver.orders
SELECT completed_at AT TIME ZONE 'UTC', completed_at AT TIME ZONE 'America/New_York', date_trunc('day', completed_at, 'UTC') FROM silver.orders
SELECT extract(timezone FROM completed_at), extract(epoch FROM TIMESTAMP '2026-07-01 12:00'), extract(epoch FROM TIMESTAMPTZ '2026-07-01 12:00') FROM silver.orders
SELECT g FROM generate_series(TIMESTAMPTZ '2026-03-28 00:00', TIMESTAMPTZ '2026-03-31 00:00', INTERVAL '1 day') AS g
SELECT date_trunc('day', completed_at) AS d, count(*), sum(net_revenue) FROM silver.orders GROUP BY 1 ORDER BY 1
SELECT make_timestamptz(2026, 7, 15, 8, 15, 23.5), date_bin('1 day', completed_at, TIMESTAMPTZ '2026-01-01') FROM silver.orders
-- zone: UTC

-- # Texts
SELECT 'Post' || 'greSQL', 'Value: ' || 42, 42 || ' is', 'a' || NULL, 'x' || 1.5, 'd' || DATE '2026-01-02', 't' || true
SELECT concat('abcde', 2, NULL, 22), concat(), concat(NULL), concat('a', true, 1.50, DATE '2026-01-02')
SELECT concat_ws(',', 'abcde', 2, NULL, 22), concat_ws(NULL, 'a', 'b'), concat_ws('-', 'a')
SELECT lower('TOM'), upper('tom'), initcap('hi THOMAS o''neill-smith'), lower('ÄÖÜ'), upper('straße')
SELECT length('jose'), char_length('josé'), character_length('abc'), octet_length('josé'), bit_length('jose'), length('')
SELECT left('abcde', 2), left('abcde', -2), right('abcde', 2), right('abcde', -2), left('abc', 0), right('abc', 10)
SELECT lpad('hi', 5, 'xy'), lpad('hello', 3), lpad('hi', 5), rpad('hi', 5, 'xy'), rpad('hello', 3), lpad('hi', 5, '')
SELECT ltrim('zzzytest', 'xyz'), rtrim('testxxzx', 'xyz'), btrim('xyxtrimyyx', 'xyz'), trim('  both  '), ltrim('  a'), rtrim('a  ')
SELECT trim(both 'xyz' from 'yxTomxx'), trim(leading 'x' from 'xxax'), trim(trailing 'x' from 'axx'), trim('yxTomxx', 'xyz')
SELECT substring('Thomas' from 2 for 3), substring('Thomas' from 3), substring('Thomas' for 2), substring('Thomas', 2, 3), substr('alphabet', 3), substr('alphabet', 3, 2)
SELECT substring('Thomas' from 0 for 3), substring('Thomas' from -2 for 5), substr('alphabet', -1), substr('alphabet', 0, 4), substring('abc' from 10)
SELECT substring('Thomas' from '...$'), substring('foobar' from 'o(.)b'), substring('foobar' from 'z')
-- refused: the syntax is not read
SELECT substring('Thomas' similar '%#"o_a#"_' escape '#')
SELECT position('om' in 'Thomas'), strpos('high', 'ig'), position('' in 'abc'), strpos('abc', 'z')
SELECT replace('abcdefabcdef', 'cd', 'XX'), replace('abc', '', 'x'), translate('12345', '143', 'ax'), reverse('abcde'), repeat('Pg', 4), repeat('x', -1)
SELECT overlay('Txxxxas' placing 'hom' from 2 for 4), overlay('Txxxxas' placing 'hom' from 2)
SELECT split_part('abc~@~def~@~ghi', '~@~', 2), split_part('abc,def,ghi,jkl', ',', -2), split_part('a,b', ',', 5), split_part('a', ',', 1)
SELECT ascii('x'), ascii(''), ascii('é'), chr(65), chr(8364), to_hex(2147483647), to_hex(-1), md5('abc')
SELECT starts_with('alphabet', 'alph'), starts_with('alphabet', 'b'), 'alphabet' ^@ 'alph'
SELECT format('Hello %s', 'World'), format('%s %% %1$s', 'a'), format('%I.%I', 'my table', 'col'), format('%L', 'O''Reilly'), format('|%10s|%-10s|', 'foo', 'bar'), format('%s', NULL), format('%L', NULL)
SELECT quote_ident('Foo bar'), quote_ident('foo'), quote_literal('O''Reilly'), quote_literal(42.5), quote_nullable(NULL), quote_nullable('a')
SELECT regexp_replace('Thomas', '.[mN]a.', 'M'), regexp_replace('foobarbaz', 'b..', 'X', 'g'), regexp_replace('foobarbaz', 'b(..)', 'X\1Y', 'g'), regexp_replace('ABC', 'b', 'x', 'i'), regexp_replace('a\b', '\\', '/')
SELECT regexp_match('foobarbequebaz', '(bar)(beque)'), regexp_match('abc', 'z'), regexp_match('abc', 'b'), regexp_match('ABC', 'b', 'i')
-- refused: regexp_match and regexp_split_to_table are there
SELECT regexp_matches('foobarbequebazilbarfbonk', '(b[^b]+)(b[^b]+)', 'g')
SELECT regexp_split_to_array('the quick  brown', '\s+'), regexp_split_to_array('abc', '')
SELECT regexp_split_to_table('hello world there', '\s+')
SELECT regexp_count('123456789012', '\d\d\d', 2), regexp_instr('ABCDEF', 'c(.)(..)', 1, 1, 0, 'i'), regexp_like('Hello World', 'world$', 'i'), regexp_substr('ABCDEF', 'c(.)(..)', 1, 1, 'i')
SELECT 'thomas' ~ 't.*ma', 'thomas' ~* 'T.*ma', 'thomas' !~ 't.*max', 'thomas' !~* 'T.*ma', 'a.b' ~ 'a\.b', E'a\nb' ~ 'a.b'
SELECT 'abc' LIKE 'a%', 'abc' LIKE '_b_', 'abc' LIKE 'c', 'ABC' ILIKE 'a%', 'a%c' LIKE 'a\%c', 'abc' NOT LIKE 'a%', 'a_c' LIKE 'a!_c' ESCAPE '!', 'abc' LIKE ''
SELECT 'abc' SIMILAR TO 'abc', 'abc' SIMILAR TO 'a', 'abc' SIMILAR TO '%(b|d)%', 'abc' SIMILAR TO '(b|c)%', '-abc-' SIMILAR TO '%\mabc\M%'
SELECT 'abc' ~~ 'a%', 'abc' !~~ 'b%', 'ABC' ~~* 'a%', 'abc' < 'abd', 'a' < 'B', 'Z' < 'a'
SELECT string_to_array('xx~~yy~~zz', '~~', 'yy'), string_to_array('abc', NULL), string_to_array('', ','), string_to_array('a,b', '')
SELECT string_to_table('xx~^~yy~^~zz', '~^~')
SELECT encode('hello'::bytea, 'hex'), encode('hello'::bytea, 'base64'), encode('hello'::bytea, 'escape'), decode('68656c6c6f', 'hex'), decode('aGVsbG8=', 'base64')
SELECT sha256('abc'::bytea), sha224('abc'::bytea), encode(sha512('abc'::bytea), 'hex'), length('abc'::bytea), md5('abc'::bytea)
SELECT 'abc'::varchar(2), 'x'::text, 12::text, 1.50::text, true::text, 1.0::float8::text, 1e20::float8::text, 0.1::real::text
SELECT '42'::int, ' 42 '::int, '4.5'::numeric, '1e3'::float8, 't'::bool, 'yes'::bool, 'off'::bool, '0'::bool
-- refused: texts are not normalized
SELECT normalize('a'), 'a' IS NORMALIZED
SELECT unistr('d\0061t\+000061')
SELECT parse_ident('"SomeSchema".someTable'), pg_client_encoding()
SELECT 'it''s', E'tab\there', $$dollar$$, U&'d\0061ta', 'con' 'cat'
SELECT min(city), max(city), string_agg(DISTINCT type, ',' ORDER BY type), count(DISTINCT type) FROM silver.events
SELECT type, upper(left(type, 1)) || substr(type, 2), length(type) FROM silver.events
SELECT 'a' = 'a ', ''::text IS NULL
SELECT greatest('a', 'b', NULL), least('a', 'b'), coalesce(NULL, 'x'), nullif('a', 'a'), nullif('a', 'b')
SELECT 'abc' COLLATE "C" < 'abd' COLLATE "C"

-- # Numbers
-- differs: powers of numerics are doubles
SELECT 2 + 3, 2 - 3, 2 * 3, 5 / 2, -5 / 2, 5 % 4, -5 % 4, 5.0 / 2, 2 ^ 3, 2.0 ^ 3, 7 / 2.0
SELECT 1.0 / 3, 10 / 4.0, 2 / 3.0, 1000000.0 / 7, 0.001 / 3
SELECT |/ 25.0, ||/ 64.0, @ -5.0, 91 & 15, 32 | 3, 17 # 5, ~1, 1 << 4, 8 >> 2
SELECT abs(-17.4), abs(-5), cbrt(64.0), ceil(42.2), ceil(-42.8), ceiling(95.3), floor(42.8), floor(-42.8), degrees(0.5), radians(45.0)
-- differs: exp and ln of numerics are doubles
SELECT div(9, 4), div(-9, 4), div(9.5, 2), mod(9, 4), mod(-9, 4), mod(9.5, 2), exp(1.0), exp(1), ln(2.0), ln(2)
SELECT factorial(5), gcd(1071, 462), lcm(1071, 462), log(100), log10(1000), min_scale(8.4100), scale(8.4100)
-- refused: a numeric's places belong to its type
SELECT trim_scale(8.4100)
-- differs: powers and roots of numerics are doubles
SELECT pi(), power(9, 3), power(9.0, 3), power(2, 0.5), sqrt(2), sqrt(2.0), sign(-8.4), sign(3), sign(0.0)
SELECT round(42.4), round(42.5), round(43.5), round(-42.5), round(42.4382, 2), round(1234.56, -1), round(42.5::float8), round(43.5::float8), round(5)
SELECT trunc(42.8), trunc(-42.8), trunc(42.4382, 2), trunc(42.8::float8), trunc(1234.56, -2)
SELECT width_bucket(5.35, 0.024, 10.06, 5), width_bucket(5.35::float8, 0.024, 10.06, 5), width_bucket(11, 0, 10, 5), width_bucket(-1, 0, 10, 5)
SELECT acos(1), asin(1), atan(1), atan2(1, 0), cos(0), cot(0.5), sin(1), tan(1), acosd(0.5), asind(0.5), atand(1), cosd(60), sind(30), tand(45)
SELECT sinh(1), cosh(0), tanh(1), asinh(1), acosh(1), atanh(0.5)
SELECT 4.5::int, 5.5::int, -4.5::int, 4.5::float8::int, 5.5::float8::int, 2.5::float8::bigint, 42.7::int, '42'::bigint
SELECT 1.25::numeric(3,1), 1.35::numeric(3,1), 1.5::float8, 3::numeric, 3::float8, 123456789012::bigint, 1.1::real, 100000::smallint::int IS NULL
SELECT 1.10 = 1.1, 1.0 = 1, 0.1 + 0.2 = 0.3, 0.1::float8 + 0.2::float8 = 0.3::float8, 'NaN'::float8 = 'NaN'::float8, 'Infinity'::float8 > 1
SELECT 9223372036854775807, 2147483648, 1.5, .5
SELECT 1e3, 1.5e-3, 12345678901234567890, 0.1
SELECT net_revenue, net_revenue * 2, net_revenue / 3, net_revenue + 0.005, net_revenue * 1.19, round(net_revenue / 3, 2), -net_revenue FROM silver.orders
SELECT net_revenue::int, net_revenue::float8, net_revenue::numeric(10,1), net_revenue::text, trunc(net_revenue), ceil(net_revenue) FROM silver.orders
SELECT sum(net_revenue), avg(net_revenue), min(net_revenue), max(net_revenue), count(net_revenue), sum(net_revenue) / count(*) FROM silver.orders
SELECT sum(units), avg(units), min(units), max(units), sum(units) / count(*), sum(units)::float8 / count(*) FROM silver.orders
SELECT 17 / 5 * 5 + 17 % 5, (-7) / 2, (-7) % 2, 7 / (-2), 7 % (-2)
SELECT 10 > '9', '10' > '9', 2 = 2.0, '2' = 2
SELECT random() < 1, random() >= 0
SELECT 1 / 0
SELECT 1.0 / 0
SELECT 1::float8 / 0
SELECT sqrt(-1)
SELECT ln(0)
SELECT 'abc'::int
SELECT power(0, -1)
SELECT 2147483648::int
SELECT numeric '12.50', float8 '1.5', int '4', bool 'true'
-- refused: there are no bit strings
SELECT 5::bit(4)
SELECT 1 BETWEEN 0 AND 2, 1 NOT BETWEEN 0 AND 2, 2 IN (1, 2), 3 NOT IN (1, NULL), NULL IN (1), 1 IS DISTINCT FROM NULL, NULL IS NOT DISTINCT FROM NULL
SELECT true AND NULL, false AND NULL, true OR NULL, NOT NULL::bool, true > false, NULL IS TRUE, NULL IS UNKNOWN, (NULL = NULL) IS NULL
SELECT CASE WHEN 1 = 1 THEN 'a' ELSE 'b' END, CASE 2 WHEN 1 THEN 'x' WHEN 2 THEN 'y' END, CASE WHEN false THEN 1 END
SELECT num_nulls(1, NULL, 2), num_nonnulls(1, NULL, 2)
SELECT (1, 2) = (1, 2), (1, 2) < (1, 3), ROW(1, 'a') = ROW(1, 'a')

-- # Arrays
-- differs: the items of an array of numerics have the same count of places
SELECT ARRAY[1, 2, 3], ARRAY['a', 'b'], ARRAY[1.5, 2], ARRAY[]::int[], '{1,2}'::int[], ARRAY[NULL, 'x']
SELECT ARRAY[1, 4, 3] @> ARRAY[3, 1], ARRAY[2, 7] <@ ARRAY[1, 7, 4, 2, 6], ARRAY[1, 4, 3] && ARRAY[2, 1], ARRAY[1, 2] = ARRAY[1, 2], ARRAY[1, 2] < ARRAY[1, 3]
SELECT ARRAY[1, 2] || ARRAY[3], ARRAY[1, 2] || 3, 0 || ARRAY[1], array_append(ARRAY[1, 2], 3), array_prepend(0, ARRAY[1]), array_cat(ARRAY[1], ARRAY[2, 3])
SELECT array_length(ARRAY[1, 2, 3], 1), array_length(ARRAY[]::int[], 1), cardinality(ARRAY[1, 2]), array_ndims(ARRAY[1]), array_dims(ARRAY[1, 2]), array_lower(ARRAY[5, 6], 1), array_upper(ARRAY[5, 6], 1)
SELECT array_position(ARRAY['sun', 'mon', 'tue'], 'mon'), array_position(ARRAY[1, 2], 5), array_positions(ARRAY['A', 'A', 'B', 'A'], 'A'), array_remove(ARRAY[1, 2, 3, 2], 2), array_replace(ARRAY[1, 2, 5], 5, 3)
SELECT array_to_string(ARRAY[1, 2, 3], ','), array_to_string(ARRAY[1, NULL, 3], ','), array_to_string(ARRAY[1, NULL, 3], ',', '*'), array_to_string(ARRAY['a', 'b'], '~')
SELECT (ARRAY[1, 2, 3])[1], (ARRAY[1, 2, 3])[4], (ARRAY[1, 2, 3])[0], (ARRAY[1, 2, 3, 4])[2:3], (ARRAY['a', 'b'])[2]
SELECT trim_array(ARRAY[1, 2, 3, 4], 2), array_fill(7, ARRAY[3])
SELECT unnest(ARRAY[1, 2, 3])
SELECT x FROM unnest(ARRAY['a', 'b']) AS x
SELECT a, b FROM unnest(ARRAY[1, 2]) AS t(a), unnest(ARRAY['x', 'y']) AS u(b) ORDER BY 1, 2
SELECT generate_subscripts(ARRAY[5, 6, 7], 1)
SELECT 2 = ANY (ARRAY[1, 2]), 2 = ALL (ARRAY[2, 2]), 3 > ALL (ARRAY[1, 2]), 3 <> ANY (ARRAY[3]), 1 = ANY ('{1,2}'), 3 > ANY (ARRAY[1, 2])
SELECT array_agg(order_id ORDER BY order_id), array_agg(units ORDER BY order_id DESC) FROM silver.orders
SELECT ARRAY(SELECT order_id FROM silver.orders ORDER BY 1)
SELECT array_agg(DISTINCT type ORDER BY type) FROM silver.events
SELECT generate_series(2, 4), generate_series(5, 7)
SELECT generate_series(5, 1, -2)
SELECT * FROM generate_series(1, 3)
-- differs: the numbers of a series are bigints, whose sum is a numeric
SELECT sum(i) FROM generate_series(1, 100) AS i
SELECT * FROM generate_series(1.1, 4, 1.3)
-- refused: arrays have one dimension
SELECT ARRAY[[1, 2], [3, 4]]

-- # Aggregates
SELECT count(*), count(city), count(DISTINCT city), count(*) FILTER (WHERE type = 'order_completed') FROM silver.events
SELECT bool_and(late), bool_or(late), every(late IS NOT NULL) FROM silver.events
SELECT bit_and(v), bit_or(v), bit_xor(v) FROM (VALUES (12), (10), (6)) AS t(v)
SELECT string_agg(v, ',' ORDER BY v DESC), count(v) FROM (VALUES ('b'), ('a'), (NULL), ('b')) AS t(v)
SELECT string_agg(DISTINCT v, '-' ORDER BY v) FROM (VALUES ('b'), ('a'), (NULL), ('b')) AS t(v)
-- differs: a sum of integers is a numeric
SELECT avg(v), sum(v), min(v), max(v) FROM (VALUES (1::int), (2::int), (4::int), (NULL::int)) AS t(v)
SELECT avg(v), sum(v), stddev(v), stddev_pop(v), stddev_samp(v), variance(v), var_pop(v), var_samp(v) FROM (VALUES (1.5::float8), (2.5::float8), (4::float8)) AS t(v)
SELECT round(stddev(v), 6), round(variance(v), 6) FROM (VALUES (1), (2), (4)) AS t(v)
SELECT round(stddev(v), 6), round(var_pop(v), 6) FROM (VALUES (1.25), (2.5), (4)) AS t(v)
-- differs: regr_count is a numeric
SELECT corr(y, x), covar_pop(y, x), covar_samp(y, x), regr_slope(y, x), regr_intercept(y, x), regr_r2(y, x), regr_count(y, x), regr_avgx(y, x), regr_avgy(y, x), regr_sxx(y, x), regr_syy(y, x), regr_sxy(y, x) FROM (VALUES (1.0::float8, 2.0::float8), (2, 3.5), (4, 9)) AS t(y, x)
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY v), percentile_cont(0.9) WITHIN GROUP (ORDER BY v), percentile_disc(0.5) WITHIN GROUP (ORDER BY v), percentile_disc(0.9) WITHIN GROUP (ORDER BY v DESC) FROM (VALUES (1), (2), (4), (8)) AS t(v)
SELECT percentile_cont(0.9) WITHIN GROUP (ORDER BY net_revenue) FROM silver.orders
SELECT mode() WITHIN GROUP (ORDER BY v) FROM (VALUES ('b'), ('a'), ('b'), ('a'), ('c')) AS t(v)
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY v) FROM (VALUES ('b'), ('a'), ('c')) AS t(v)
SELECT avg(v), count(v), max(v), array_agg(v), string_agg(v::text, ',') FROM (SELECT 1::int AS v WHERE false) AS t
SELECT sum(v) FROM (SELECT 1::bigint AS v WHERE false) AS t
SELECT sum(v) FROM (VALUES (9223372036854775807), (1)) AS t(v)
SELECT sum(v), avg(v) FROM (VALUES (1::bigint), (2)) AS t(v)
-- refused: sums and averages of intervals are not offered
SELECT sum(v), avg(v) FROM (VALUES (INTERVAL '1 hour'), (INTERVAL '2 hours')) AS t(v)
-- refused: intervals are not compared by their parts
SELECT min(v), max(v) FROM (VALUES (INTERVAL '1 day'), (INTERVAL '30 hours')) AS t(v)
SELECT min(date), max(date), min(completed_at), max(completed_at) FROM silver.orders
SELECT date, count(*) FROM silver.events GROUP BY date HAVING count(*) > 1 ORDER BY date
SELECT type, date, count(*), grouping(type), grouping(type, date) FROM silver.events GROUP BY ROLLUP (type, date) ORDER BY 1, 2
SELECT type, count(*) FROM silver.events GROUP BY GROUPING SETS ((type), ()) ORDER BY 1
SELECT type, late, count(*) FROM silver.events GROUP BY CUBE (type, late) ORDER BY 1, 2
-- refused: there is no json
SELECT json_agg(v) FROM (VALUES (1), (2)) AS t(v)
SELECT count(DISTINCT (type, date)) FROM silver.events
SELECT DISTINCT ON (type) type, event_id FROM silver.events ORDER BY type, event_id
-- refused: hypothetical sets are not offered
SELECT rank(3) WITHIN GROUP (ORDER BY v) FROM (VALUES (1), (2), (4)) AS t(v)

-- # Windows
SELECT event_id, row_number() OVER (ORDER BY event_id), rank() OVER (ORDER BY type), dense_rank() OVER (ORDER BY type) FROM silver.events ORDER BY event_id
SELECT v, percent_rank() OVER (ORDER BY v), cume_dist() OVER (ORDER BY v), ntile(3) OVER (ORDER BY v) FROM (VALUES (1), (2), (2), (4), (5)) AS t(v) ORDER BY v
SELECT v, lag(v) OVER (ORDER BY v), lead(v) OVER (ORDER BY v), lag(v, 2, 0) OVER (ORDER BY v), first_value(v) OVER (ORDER BY v), last_value(v) OVER (ORDER BY v), nth_value(v, 2) OVER (ORDER BY v) FROM (VALUES (1::int), (2::int), (4::int)) AS t(v) ORDER BY v
-- differs: a sum of integers is a numeric
SELECT v, sum(v) OVER (ORDER BY v), sum(v) OVER (), avg(v) OVER (ORDER BY v ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), count(*) OVER (PARTITION BY v % 2) FROM (VALUES (1::int), (2::int), (4::int), (5::int)) AS t(v) ORDER BY v
-- differs: a sum of integers is a numeric
SELECT v, sum(v) OVER (ORDER BY v RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING), sum(v) OVER (ORDER BY v GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM (VALUES (1::int), (2::int), (4::int), (5::int)) AS t(v) ORDER BY v
-- differs: a sum of integers is a numeric
SELECT v, sum(v) OVER w, max(v) OVER w FROM (VALUES (1::int), (2::int), (4::int)) AS t(v) WINDOW w AS (ORDER BY v ROWS UNBOUNDED PRECEDING) ORDER BY v
-- differs: a sum of integers is a numeric
SELECT v, sum(v) FILTER (WHERE v > 1) OVER (ORDER BY v) FROM (VALUES (1::int), (2::int), (4::int)) AS t(v) ORDER BY v
-- refused: the syntax is not read
SELECT v, sum(v) OVER (ORDER BY v ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) FROM (VALUES (1), (2)) AS t(v) ORDER BY v
SELECT date, sum(net_revenue) AS s, sum(sum(net_revenue)) OVER (ORDER BY date), lag(sum(net_revenue)) OVER (ORDER BY date) FROM silver.orders GROUP BY date ORDER BY date
-- differs: a sum of integers is a numeric
SELECT d, sum(v) OVER (ORDER BY d RANGE BETWEEN INTERVAL '1 day' PRECEDING AND CURRENT ROW) FROM (VALUES (TIMESTAMP '2026-01-01', 1::int), (TIMESTAMP '2026-01-02', 2::int), (TIMESTAMP '2026-01-04', 4::int)) AS t(d, v) ORDER BY d
SELECT v, string_agg(v::text, ',') OVER (ORDER BY v), array_agg(v) OVER (ORDER BY v) FROM (VALUES (1), (2)) AS t(v) ORDER BY v

-- # Queries
SELECT * FROM (VALUES (1, 'a'), (2, NULL)) AS t(n, s) ORDER BY n DESC NULLS LAST
SELECT v FROM (VALUES (2), (NULL), (1)) AS t(v) ORDER BY v
SELECT v FROM (VALUES (2), (NULL), (1)) AS t(v) ORDER BY v DESC
SELECT v FROM (VALUES ('b'), ('A'), ('a'), ('B'), ('_')) AS t(v) ORDER BY v COLLATE "C"
SELECT type FROM silver.events GROUP BY type ORDER BY count(*) DESC, type LIMIT 2 OFFSET 1
SELECT order_id FROM silver.orders ORDER BY order_id OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT max(n), count(*) FROM t
SELECT 1 UNION SELECT 2 UNION ALL SELECT 2 ORDER BY 1
SELECT 1 INTERSECT SELECT 1
(SELECT 1 EXCEPT SELECT 2) ORDER BY 1
SELECT o.order_id, (SELECT count(*) FROM silver.line_items l WHERE l.order_id = o.order_id) FROM silver.orders o ORDER BY 1
SELECT order_id FROM silver.orders o WHERE EXISTS (SELECT 1 FROM silver.line_items l WHERE l.order_id = o.order_id) ORDER BY 1
SELECT order_id FROM silver.orders WHERE order_id NOT IN (SELECT order_id FROM silver.line_items WHERE order_id IS NOT NULL) ORDER BY 1
SELECT a.order_id FROM silver.orders a JOIN silver.orders b USING (order_id) ORDER BY 1
SELECT count(*) FROM silver.orders a CROSS JOIN silver.orders b
SELECT a.n, b.n FROM (VALUES (1), (2)) AS a(n) FULL JOIN (VALUES (2), (3)) AS b(n) ON a.n = b.n ORDER BY 1, 2
-- refused: a subquery in FROM sees no other tables of it
SELECT a.n, b.m FROM (VALUES (1), (2)) AS a(n), LATERAL (SELECT a.n * 2 AS m) AS b ORDER BY 1
-- differs: an integer literal is a bigint, a text literal a text
SELECT pg_typeof(1), pg_typeof(1.5), pg_typeof('a'), pg_typeof('a'::text), pg_typeof(true), pg_typeof(NULL), pg_typeof(ARRAY['a']), pg_typeof(INTERVAL '1 day')
SELECT pg_typeof(count(*)), pg_typeof(sum(units)), pg_typeof(avg(units)), pg_typeof(sum(net_revenue)), pg_typeof(max(completed_at)), pg_typeof(extract(hour FROM max(completed_at))) FROM silver.orders
SELECT current_schema(), current_database() = current_catalog
SELECT 'silver.orders'::regclass::text, 'int4'::regtype::text, 'double precision'::regtype::oid, 'pg_class'::regclass::oid, to_regclass('nothing') IS NULL, format_type(1700, 1179656), 23::regtype::text
SELECT has_table_privilege('silver.orders', 'SELECT'), has_schema_privilege('silver', 'USAGE')
SELECT column_name, data_type, ordinal_position, is_nullable, udt_name, numeric_precision, numeric_scale, datetime_precision FROM information_schema.columns WHERE table_schema = 'silver' AND table_name = 'orders' ORDER BY ordinal_position
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnum, a.attnotnull FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'silver' AND c.relname = 'orders' AND a.attnum > 0 ORDER BY a.attnum
SELECT typname, typlen, typtype, typcategory, typarray FROM pg_type WHERE typname IN ('int4', 'text', 'numeric', 'timestamptz', '_text') ORDER BY typname
