// Review: the most doubtful row first, corrected without leaving the keyboard.
import { api, begin, byId, chooseTable, element, guarded, path, percent, remember, remembered, setMeter, showProblem } from './common.js';
import { fillColumns } from './columns.js';

let table = null;
let queue = [];				// rows that wait; the first one is shown
let waiting = 0;			// how many the table has
let unread = 0;				// how many more it will have, once they are read
let skipped = new Set();	// keys of rows not to be shown again: skipped, or done where the table does not say so
const done = [];			// corrections that can be undone, the latest last
let shown = null;			// { row, alternatives }

const columns = () => ({
	image: byId('image').value, text: byId('text').value, confidence: byId('confidence').value, checked: byId('checked').value,
	model: byId('model').value,
});

const isAttached = () => table.attached.some(({ text }) => text === columns().text);

// Does the table itself, or hwr, know which rows a person has seen?
const settles = () => Boolean(columns().checked) || isAttached();

// What is needed to show a row; asked for ahead, while the person looks at the one before.
function prepare(row) {
	const { image, model } = columns();
	row.source ??= '/api/' + path(['tables', table.schema, table.name, 'image'], { key: row.key, column: image });
	row.alternatives ??= api(path(['tables', table.schema, table.name, 'alternatives'], { key: row.key, column: image, model, n: 5 }))
		.then((answer) => answer.readings, (problem) => problem);
	new Image().src = row.source;
}

let loads = 0;

async function load() {
	const mine = ++loads;
	if (!table) {
		show();
		return;
	}
	const { image, text, confidence, checked, model } = columns();
	byId('status').textContent = confidence ? '' : 'Reading the table…';
	const answer = await api(path(['review', table.schema, table.name], { image, text, confidence, checked, model, limit: Math.min(200, 20 + skipped.size) }));
	if (mine !== loads) {		// another table, or other columns, were chosen meanwhile
		return;
	}
	byId('status').textContent = '';
	waiting = answer.waiting;
	unread = answer.unread ?? 0;
	queue = answer.rows.filter((row) => !skipped.has(row.key));
	show();
}

function show() {
	const row = queue[0];
	byId('card').hidden = !row;
	byId('empty').hidden = Boolean(row);
	byId('undo').disabled = byId('undo-last').disabled = !done.length;
	byId('undo-last').hidden = !done.length;
	if (!row) {
		awaitMore();
		return;
	}
	shown = { row, alternatives: [] };
	prepare(row);
	queue.slice(1, 3).forEach(prepare);
	byId('reason').textContent = row.reason;
	byId('left').textContent = `${waiting} waiting`;
	byId('crop').src = row.source;
	byId('box').value = row.text ?? row.guess ?? '';
	setMeter(byId('meter'), row.confidence);
	byId('alternatives').replaceChildren();
	row.alternatives.then((readings) => {
		if (shown.row !== row) {
			return;
		}
		if (readings instanceof Error) {
			showProblem(readings);
			return;
		}
		shown.alternatives = readings;
		byId('alternatives').replaceChildren(...readings.map((reading, i) => element('li', {},
			element('button', { type: 'button', onclick: guarded(() => save(reading.text)), 'aria-keyshortcuts': String(i + 1) },
				element('kbd', {}, String(i + 1)), element('span', { className: 'text', lang: '' }, reading.text || '(nothing)'),
				element('span', { className: 'figure' }, percent(reading.confidence))))));
	});
	if (document.activeElement === document.body || document.activeElement.closest('#card, #empty')) {
		byId('card').focus({ preventScroll: true });
	}
}

// Why there is nothing; where rows are still being read, look again by itself.
function awaitMore() {
	byId('why').textContent = unread ? `${unread.toLocaleString()} ${unread === 1 ? 'row is' : 'rows are'} still to be read. This page looks again by itself.` :
		'No row of this table is waiting.';
	if (unread) {
		const mine = loads;
		setTimeout(() => { if (mine === loads) { guarded(load)(); } }, 3000);
	}
}

async function write(row, text, expected, checked) {
	await api(path(['tables', table.schema, table.name, 'text']), {
		method: 'PUT',
		json: { key: row.key, column: columns().text, text, expected, checked_column: columns().checked || null, checked },
	});
}

let busy = false;

// Somebody else was faster, perhaps in another window: what is shown is not what is there.
async function overtaken(problem) {
	if (problem.status === 409) {
		await load();
	}
	throw problem;
}

async function save(text) {
	if (busy || !queue.length) {
		return;
	}
	busy = true;
	try {
		const row = queue[0];
		await write(row, text, row.text, true).catch(overtaken);
		done.push({ row, before: row.text, after: text });
		waiting -= settles() ? 1 : 0;
		row.text = text;
		await next(!settles());
		byId('status').textContent = `Saved “${text}”.`;
	} finally {
		busy = false;
	}
}

async function next(leaveOut) {
	const { key } = queue.shift();
	if (leaveOut) {
		skipped.add(key);
	}
	if (queue.length) {
		show();
	} else {
		await load();
	}
}

async function undo() {
	const last = done.at(-1);
	if (!last || busy) {
		return;
	}
	const undone = isAttached() ?
		api(path(['tables', table.schema, table.name, 'text'], {
			key: last.row.key, column: columns().text, checked_column: columns().checked,
		}), { method: 'DELETE' }) :
		write(last.row, last.before, last.after, false);
	await undone.catch((problem) => {
		if (problem.status === 409) {		// now and later
			done.pop();
		}
		return overtaken(problem);
	});
	done.pop();
	last.row.text = last.before;
	skipped.delete(last.row.key);
	waiting += settles() ? 1 : 0;
	queue.unshift(last.row);
	show();
	byId('status').textContent = `Undone: “${last.before ?? ''}” is back.`;
}

async function skip() {
	if (queue.length) {
		await next(true);
		byId('status').textContent = 'Skipped.';
	}
}

function onKey(event) {
	const inBox = event.target === byId('box');
	const elsewhere = event.target.closest('input:not([type="checkbox"]), select, textarea') && !inBox;
	const digit = /^(?:Digit|Numpad)([1-5])$/.exec(event.code)?.[1];
	if (event.ctrlKey || event.metaKey || byId('card').hidden && event.key.toLowerCase() !== 'u') {
		return;
	}
	if (event.key === 'Escape') {
		byId('card').focus();
		return;
	}
	if (elsewhere) {
		return;
	}
	const act = (action) => { event.preventDefault(); guarded(action)(); };
	if (digit && (event.altKey || !inBox && byId('keys').checked)) {
		const reading = shown.alternatives[digit - 1];
		act(() => reading && save(reading.text));
	} else if (event.altKey) {
		return;
	} else if (inBox && event.key === 'Enter') {
		act(() => save(byId('box').value));
	} else if (inBox || !byId('keys').checked) {
		return;
	} else if (event.key === 'Enter' && !event.target.closest('button, a')) {
		act(() => save(byId('box').value));
	} else if (event.key.toLowerCase() === 'e') {
		act(() => { byId('box').focus(); byId('box').select(); });
	} else if (event.key.toLowerCase() === 's') {
		act(skip);
	} else if (event.key.toLowerCase() === 'u') {
		act(undo);
	}
}

document.addEventListener('keydown', onKey);
byId('save').addEventListener('click', guarded(() => save(byId('box').value)));
byId('skip').addEventListener('click', guarded(skip));
byId('undo').addEventListener('click', guarded(undo));
byId('undo-last').addEventListener('click', guarded(undo));
byId('again').addEventListener('click', guarded(() => { skipped = new Set(); return load(); }));
byId('settings').addEventListener('click', () => {
	byId('columns').hidden = !byId('columns').hidden;
	byId('settings').setAttribute('aria-expanded', String(!byId('columns').hidden));
});
byId('columns').addEventListener('change', guarded(restart));
byId('keys').checked = remembered('review.keys') !== 'off';
byId('keys').addEventListener('change', () => remember('review.keys', byId('keys').checked ? 'on' : 'off'));

async function restart() {
	skipped = new Set();
	done.length = 0;
	await load();
}

guarded(async () => {
	await begin();
	await chooseTable(byId('table'), { suits: (one) => one.key.length && one.texts.some((name) => one.editable.includes(name)) }, async (chosen) => {
		table = chosen;
		fillColumns(table && { ...table, texts: table.texts.filter((name) => table.editable.includes(name)),
			flags: table.flags.filter((name) => table.editable.includes(name)) });
		await restart();
	});
})();
