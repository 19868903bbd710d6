"""What the server does: rates, jobs, devices."""
from fastapi import APIRouter, Depends

from ..security import session

router = APIRouter(prefix="/api/monitor", tags=["monitor"])

_PARTS = {
    "readings": "SELECT model, version, images, batches, errors, since, scope,"
                " (prepare_time + queue_time + network_time + decode_time) / nullif(images, 0) AS milliseconds_an_image"
                " FROM hwr_stat WHERE database = current_database() OR database IS NULL ORDER BY images DESC",
    "running": "SELECT job, model, phase, epoch, epochs, loss, cer, images_per_second, extract(epoch FROM eta)::float8 AS seconds_left"
               " FROM hwr_progress ORDER BY job",
    "devices": "SELECT backend, name, memory, memory_used, state, reason FROM hwr_devices",
    "service": "SELECT * FROM hwr_service",
}

# What an older hwr lacks
_NEWER = {
    "queue": ("hwr_queue", "SELECT data::text AS data, text_column, model, waiting, running, failed, read, corrected, rows_per_second, paused, problem,"
              " extract(epoch FROM oldest)::float8 AS seconds_oldest, extract(epoch FROM time_left)::float8 AS seconds_left FROM hwr_queue"),
    "drift": ("hwr_drift", "SELECT * FROM hwr_drift"),
}


@router.get("")
def monitor(me=Depends(session)):
    """Everything that the page shows, at once."""
    parts = {name: me.database.rows(statement) for name, statement in _PARTS.items()}
    for name, (view, statement) in _NEWER.items():
        parts[name] = me.database.rows(statement) if me.database.has(view) else []
    return parts
