-- The pages that may send with a write key: their origins, a space between; NULL or empty: any page.
ALTER TABLE keys ADD COLUMN origins TEXT;
