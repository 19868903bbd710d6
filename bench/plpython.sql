-- plpython.sql
--	The peer inside the server: PL/Python functions that read images with PyTorch or ONNX Runtime.
--
-- The network is loaded once a session and kept in GD.  Variables: packages (folder of the Python packages, or
-- empty), bench (folder of network.py), model (model file), cache (folder for compiled code).

CREATE EXTENSION plpython3u;

CREATE TABLE peer_settings AS
	SELECT :'packages'::text AS packages, :'bench'::text AS bench, :'model'::text AS model, :'cache'::text AS cache;

CREATE FUNCTION peer_open(software text, variant text) RETURNS void LANGUAGE plpython3u AS $$
	import os
	import sys
	settings = plpy.execute("SELECT * FROM peer_settings")[0]
	sys.path[:0] = [folder for folder in (settings["bench"], settings["packages"]) if folder]
	os.environ["TORCHINDUCTOR_CACHE_DIR"] = settings["cache"]
	if not hasattr(sys, "argv"):
		sys.argv = [""]
	import network
	GD[software, variant] = network.Reader(settings["model"], software, variant)
$$;

CREATE FUNCTION peer_recognize(image bytea, software text, variant text) RETURNS text LANGUAGE plpython3u STABLE AS $$
	if (software, variant) not in GD:
		plpy.execute(plpy.prepare("SELECT peer_open($1, $2)", ["text", "text"]), [software, variant])
	return GD[software, variant]([image])[0]
$$;

CREATE FUNCTION peer_recognize(images bytea[], software text, variant text) RETURNS text[] LANGUAGE plpython3u STABLE AS $$
	if (software, variant) not in GD:
		plpy.execute(plpy.prepare("SELECT peer_open($1, $2)", ["text", "text"]), [software, variant])
	return GD[software, variant](images)
$$;
