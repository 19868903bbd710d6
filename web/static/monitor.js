// Monitor: what the server does, every two seconds while somebody looks.
import { api, begin, byId, element, guarded, percent, showProblem } from './common.js';

let before = null;			// images read at the last look, and when: for the rate

function fillTable(table, columns, rows, none) {
	table.replaceChildren(
		element('thead', {}, element('tr', {}, ...columns.map(([title, , number]) => element('th', { scope: 'col', className: number ? 'number' : '' }, title)))),
		element('tbody', {}, ...rows.map((row) => element('tr', {}, ...columns.map(([, text, number]) =>
			element('td', { className: number ? 'number' : 'wrap' }, String(text(row) ?? '–'))))),
		...(rows.length ? [] : [element('tr', {}, element('td', { colSpan: columns.length, className: 'soft' }, none))])));
}

const tile = (figure, name) => element('div', { className: 'tile' }, element('strong', {}, figure), element('span', {}, name));

function show(state) {
	const total = (name) => state.readings.reduce((sum, row) => sum + Number(row[name] ?? 0), 0);
	const now = performance.now();
	const images = total('images');
	const rate = before && images >= before.images ? (images - before.images) / ((now - before.when) / 1000) : null;
	before = { images, when: now };
	byId('tiles').replaceChildren(
		tile(images.toLocaleString(), 'images read'),
		tile(rate === null ? '–' : rate.toFixed(rate < 10 ? 1 : 0), 'images a second, now'),
		tile(total('errors').toLocaleString(), 'images that could not be read'),
		tile(String(state.running.length), 'trainings running'));
	fillTable(byId('readings'), [['Model', (row) => row.model ?? '(not yours to see)'], ['Version', (row) => row.version ?? 'bundled'],
		['Images', (row) => Number(row.images).toLocaleString(), true], ['Errors', (row) => Number(row.errors).toLocaleString(), true],
		['ms an image', (row) => row.milliseconds_an_image?.toFixed(1), true]],
	state.readings, 'Nothing has been read yet');
	fillTable(byId('running'), [['Job', (row) => row.job], ['Model', (row) => row.model], ['Phase', (row) => row.phase],
		['Epoch', (row) => row.epochs ? `${row.epoch} / ${row.epochs}` : '–', true], ['CER', (row) => percent(row.cer, 1), true],
		['Images/s', (row) => row.images_per_second, true]], state.running, 'None');
	byId('attached').hidden = !state.queue.length;
	fillTable(byId('queue'), [['Table', (row) => `${row.data}.${row.text_column}`], ['Waiting', (row) => Number(row.waiting).toLocaleString(), true],
		['Failed', (row) => Number(row.failed).toLocaleString(), true], ['Read', (row) => Number(row.read).toLocaleString(), true],
		['Corrected', (row) => Number(row.corrected).toLocaleString(), true], ['Rows/s', (row) => row.rows_per_second?.toFixed(1), true],
		['State', (row) => row.problem ?? (row.paused ? 'paused' : row.running > 0 ? 'reading' : 'idle')]], state.queue, 'None');
	byId('drifting').hidden = !state.drift.length;
	fillTable(byId('drift'), [['Table', (row) => `${row.data}.${row.text_column}`], ['Feature', (row) => row.feature ?? 'no baseline yet'],
		['PSI', (row) => row.psi?.toFixed(2), true], ['Bound', (row) => row.bound?.toFixed(2), true],
		['Drifted', (row) => row.drifted === null ? null : row.drifted ? 'yes' : 'no'], ['Rows', (row) => Number(row.rows).toLocaleString(), true],
		['Baseline', (row) => row.baseline], ['Until', (row) => new Date(row.ended).toLocaleString()]], state.drift, 'None');
	fillTable(byId('devices'), [['Device', (row) => row.name ?? row.backend], ['State', (row) => row.state], ['Why', (row) => row.reason ?? '']],
		state.devices, 'None');
	const counted = state.readings[0];
	byId('counted').textContent = !counted ? '' : counted.scope === 'session' ?
		'Counted in one session only: hwr is not in shared_preload_libraries.' : `Of all sessions since ${new Date(counted.since).toLocaleString()}.`;
	byId('when').textContent = new Date().toLocaleTimeString();
}

async function look() {
	try {
		if (byId('live').checked && !document.hidden) {
			show(await api('monitor'));
		}
	} catch (problem) {
		showProblem(problem);
	}
	setTimeout(look, 2000);
}

guarded(async () => {
	await begin();
	await look();
})();
