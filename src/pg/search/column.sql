--
-- column.sql
--	  Fields that stand under one another, read together.
--

-- Of a window function that returns a record, PostgreSQL does not know the columns.
CREATE TYPE hwr_column_value AS (text text, value text, confidence double precision);
COMMENT ON TYPE hwr_column_value IS 'a field''s text, its value to be cast, and the confidence of the value';

CREATE FUNCTION hwr_column_field(posterior hwr_posterior, kind text) RETURNS hwr_column_value
	AS 'MODULE_PATHNAME', 'hwr_column_field' LANGUAGE C WINDOW STABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION hwr_column_field(hwr_posterior, text) IS
'as hwr_field for a date or an integer, but knowing the rows above and below: OVER (PARTITION BY column ORDER BY row)';
