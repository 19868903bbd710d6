--
-- ship.sql
--	  Models on several servers.
--

-- What hwr_ship_model asks a node.  First without the file: most failures show before anything large is sent.
CREATE FUNCTION hwr.receive_model(model text, hash bytea, activate boolean, file bytea DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	held		integer;
	held_active	boolean;
	status		text := 'unchanged';
BEGIN
	SELECT m.version, m.active INTO held, held_active FROM @extschema@.hwr_model_details m
	 WHERE m.model = $1 AND m.hash = $2 ORDER BY m.active DESC, m.version DESC LIMIT 1;
	-- what is gone, or was changed, is not held
	BEGIN
		IF held IS NOT NULL AND sha256(@extschema@.hwr_export_model($1, held)) <> $2 THEN
			held := NULL;
		END IF;
	EXCEPTION WHEN data_corrupted THEN
		held := NULL;
	END;
	IF held IS NOT NULL THEN
		IF activate AND NOT held_active THEN
			PERFORM @extschema@.hwr_activate_model($1, held, keep => false);
			status := 'activated';
		END IF;
	ELSIF file IS NOT NULL THEN
		held := @extschema@.hwr_import_model(file, $1, activate);
		status := 'stored';
	ELSE
		IF NOT has_function_privilege('@extschema@.hwr_import_model(bytea, text, boolean)', 'EXECUTE') THEN
			RAISE EXCEPTION 'permission denied for function hwr_import_model' USING ERRCODE = 'insufficient_privilege';
		END IF;
		PERFORM hwr.check_import($1);
		status := 'missing';
	END IF;
	RETURN jsonb_build_object('version', held, 'status', status);
END $$;
COMMENT ON FUNCTION hwr.receive_model(text, bytea, boolean, bytea) IS
'make a version known by the hash of its file a model''s newest, or active, as hwr_import_model and hwr_activate_model do';

-- The nodes of Citus other than this one, as host:port.
CREATE FUNCTION hwr.citus_nodes() RETURNS text[]
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	nodes	text[];
BEGIN
	IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
		RAISE EXCEPTION 'servers must not be null where Citus is not installed'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Name the foreign servers of the nodes.';
	END IF;
	EXECUTE $citus$
		SELECT array_agg(n.nodename || ':' || n.nodeport ORDER BY n.nodename, n.nodeport) FROM pg_dist_node n
		 WHERE n.noderole = 'primary' AND n.groupid <> (SELECT l.groupid FROM pg_dist_local_group l)
	$citus$ INTO nodes;
	RETURN coalesce(nodes, '{}');
END $$;
COMMENT ON FUNCTION hwr.citus_nodes() IS 'the nodes of Citus other than this one';

-- One row a node: the only column of the only row of a query there, or why there is none.  A node that fails does not stop the others.
CREATE FUNCTION hwr.ask_nodes(nodes text[], citus boolean, query text, OUT node text, OUT answered boolean, OUT answer text)
	RETURNS SETOF record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	dblink	text := (SELECT extnamespace::regnamespace || '.dblink' FROM pg_extension WHERE extname = 'dblink');
	detail	text;
BEGIN
	IF citus THEN
		RETURN QUERY EXECUTE $citus$
			SELECT r.node_name || ':' || r.node_port, r.success, regexp_replace(r.result, '^ERROR: *', '')
			  FROM (SELECT array_agg(n.nodename ORDER BY n.nodeid) AS names, array_agg(n.nodeport ORDER BY n.nodeid) AS ports, array_agg($2) AS queries
					  FROM pg_dist_node n WHERE n.noderole = 'primary' AND n.nodename || ':' || n.nodeport = ANY ($1)) q,
				   master_run_on_worker(q.names, q.ports, q.queries, true) r
		$citus$ USING nodes, query;
		RETURN;
	END IF;
	IF dblink IS NULL THEN
		RAISE EXCEPTION 'extension "dblink" is not installed'
			USING ERRCODE = 'feature_not_supported', HINT = 'Connections to foreign servers need it: CREATE EXTENSION dblink.';
	END IF;
	FOREACH node IN ARRAY nodes LOOP
		BEGIN
			IF NOT EXISTS (SELECT FROM pg_foreign_server WHERE srvname = node) THEN
				RAISE EXCEPTION 'server "%" does not exist', node USING ERRCODE = 'undefined_object';
			END IF;
			EXECUTE format('SELECT t.answer FROM %s($1, $2) AS t (answer text)', dblink) INTO answer USING node, query;
			answered := true;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS answer = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
			answer := concat_ws(': ', answer, nullif(rtrim(detail, E'\n'), ''));
			answered := false;
		END;
		RETURN NEXT;
	END LOOP;
END $$;
COMMENT ON FUNCTION hwr.ask_nodes(text[], boolean, text) IS
'run a query on foreign servers through dblink, or on nodes of Citus; as the current user, whose user mappings count';

-- Whatever else a node answers is not an answer of hwr.receive_model.
CREATE FUNCTION hwr.read_answer(answer text, sent boolean, OUT status text, OUT version integer, OUT problem text)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	BEGIN
		status := answer::jsonb->>'status';
		version := answer::jsonb->>'version';
	EXCEPTION WHEN OTHERS THEN
		status := NULL;
	END;
	IF status IS NULL OR status <> ALL (CASE WHEN sent THEN ARRAY['stored', 'unchanged', 'activated'] ELSE ARRAY['missing', 'unchanged', 'activated'] END)
	   OR (version IS NULL) <> (status = 'missing') THEN
		problem := 'unexpected answer: ' || coalesce(left(answer, 200), 'null');
		status := 'failed';
		version := NULL;
	END IF;
END $$;
COMMENT ON FUNCTION hwr.read_answer(text, boolean) IS 'what a node says to hwr_ship_model';

CREATE FUNCTION hwr_ship_model(model text, servers text[] DEFAULT NULL, version integer DEFAULT NULL, activate boolean DEFAULT true)
	RETURNS TABLE (node text, node_version integer, status text, message text)
	LANGUAGE plpgsql ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	file		bytea := @extschema@.hwr_export_model(model, version);
	query		text := format('SELECT hwr.receive_model(%L, pg_catalog.decode(%L, %L), %L', model, encode(sha256(file), 'hex'), 'hex', coalesce(activate, true));
	citus		boolean := servers IS NULL;
	nodes		text[] := coalesce(servers, hwr.citus_nodes());
	lacking		text[] := '{}';
	round		text;
	a			record;
BEGIN
	IF model IS NULL OR array_position(nodes, NULL) IS NOT NULL THEN
		RAISE EXCEPTION '% must not be null', CASE WHEN model IS NULL THEN 'model name' ELSE 'name of a server' END USING ERRCODE = 'null_value_not_allowed';
	END IF;
	FOREACH round IN ARRAY ARRAY['ask', 'send'] LOOP
		IF round = 'send' THEN
			EXIT WHEN lacking = '{}';
			nodes := lacking;
			query := query || format(', pg_catalog.decode(%L, %L)', encode(file, 'base64'), 'base64');
		END IF;
		FOR a IN SELECT n.node, n.answered, n.answer FROM hwr.ask_nodes(nodes, citus, query || ')') n LOOP
			node := a.node;
			IF a.answered THEN
				SELECT r.status, r.version, r.problem INTO status, node_version, message FROM hwr.read_answer(a.answer, round = 'send') r;
				IF status = 'missing' THEN
					lacking := lacking || node;
					CONTINUE;
				END IF;
			ELSE
				status := 'failed';
				node_version := NULL;
				message := a.answer;
			END IF;
			RETURN NEXT;
		END LOOP;
	END LOOP;
END $$;
COMMENT ON FUNCTION hwr_ship_model(text, text[], integer, boolean) IS
'store a version of a model on foreign servers, or on all other nodes of Citus; status: stored, activated, unchanged or failed';

-- What is costly or writes is for those to whom an administrator grants it: see doc/privileges.md.
REVOKE EXECUTE ON FUNCTION
	hwr_ship_model(text, text[], integer, boolean)
	FROM PUBLIC;
