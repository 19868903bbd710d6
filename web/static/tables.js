// Tables that read themselves: how far they are; learning from corrections, and what the gate said; versions on trial.
import { api, begin, byId, element, guarded, path, percent, showProblem } from './common.js';

const RUNNING = ['queued', 'starting', 'running'];
const jobs = new Map();			// the latest improvement of a model that was started here
let models = [];

const count = (number) => Number(number).toLocaleString();
const place = (table, ...more) => path(['attached', table.schema, table.name, ...more], { text: table.text });
const figure = (number, name) => element('div', {}, element('dt', {}, name), element('dd', {}, number));

async function load() {
	const tables = await api('attached');
	const cards = await Promise.all(tables.map(card));
	byId('tables').replaceChildren(...(cards.length ? cards : [element('section', { className: 'card empty' }, element('h2', {}, 'None yet'),
		element('p', { className: 'soft' }, 'hwr_attach has a table’s images read as they come.'))]));
	byId('tables').setAttribute('aria-busy', 'false');
}

async function card(table) {
	const state = table.problem ? 'problem' : table.paused ? 'paused' : table.running > 0 ? 'reading' : table.waiting > 0 ? 'waiting' : 'idle';
	const name = `${table.schema === 'public' ? '' : table.schema + '.'}${table.name}`;
	return element('article', { className: 'card attached', 'aria-label': `Table ${name}, column ${table.text}` },
		element('div', { className: 'row' }, element('h2', {}, name), element('span', { className: 'soft small' }, `${table.image} → ${table.text}, by model ${table.model}`),
			element('span', { className: 'push' }), element('span', { className: state === 'problem' ? 'tag bad' : 'tag on' }, state)),
		table.problem ? element('p', { className: 'said' }, table.problem, element('code', {}, ` SQLSTATE ${table.sqlstate}`)) : null,
		element('dl', { className: 'figures' }, figure(count(table.read), 'read'), figure(count(table.waiting), table.again > 0 ? `waiting, ${count(table.again)} again` : 'waiting'),
			figure(count(table.failed), 'failed'), figure(count(table.corrected), 'settled by a person')),
		await learning(table), await trial(table),
		table.mine ? element('div', { className: 'row buttons' },
			element('a', { href: '/review' }, 'Review its rows'), element('span', { className: 'push' }),
			element('button', { type: 'button', onclick: guarded(() => pause(table)) }, table.paused ? 'Go on reading' : 'Pause')) : null);
}

// Learning

async function learning(table) {
	if (!table.may_improve) {
		return null;
	}
	const lessons = await api(path(['improvements'], { model: table.model }));
	const enough = lessons.corrections > 0 && lessons.held_out > 0;
	const part = element('section', {}, element('h3', {}, 'Learning'),
		element('p', { className: 'soft' }, `${count(lessons.corrections)} corrections to learn from, and ${count(lessons.held_out)} that are kept apart, to see whether it helps.`),
		element('div', { className: 'row' }, element('button', { type: 'button', className: 'learn', disabled: !enough, onclick: guarded(() => improve(table)) }, 'Learn from corrections')));
	const said = element('p', { className: 'said', role: 'status' });
	part.append(said);
	if (jobs.has(table.model)) {
		follow(jobs.get(table.model), said);
	}
	return part;
}

async function improve(table) {
	const { job } = await api('improvements', { method: 'POST', json: { model: table.model } });
	jobs.set(table.model, job);
	await load();
}

// What a job says, until it has ended
async function follow(number, said) {
	try {
		for (;;) {
			const job = await api(path(['jobs', String(number)]));
			if (!RUNNING.includes(job.state)) {
				said.replaceChildren(element('span', { className: job.activated ? 'tag on' : 'tag' }, job.state === 'done' ? (job.activated ? 'activated' : 'not activated') : job.state),
					` ${job.message ?? ''}`);
				return;
			}
			said.textContent = `Job ${number} ${job.state}${job.epoch ? `, epoch ${job.epoch} of ${job.epochs}` : ''}…`;
			await new Promise((resolve) => { setTimeout(resolve, 1000); });
			if (!said.isConnected) {
				return;
			}
		}
	} catch (problem) {
		showProblem(problem);
	}
}

// Trials

async function trial(table) {
	if (!table.compared && !table.mine) {
		return null;
	}
	const compared = table.compared ? await api(place(table, 'trial')) : null;
	return element('section', {}, element('h3', {}, 'Another version'),
		compared ? comparison(table, compared) : element('p', { className: 'soft' }, 'None has been tried.'),
		table.mine ? element('div', { className: 'row' },
			table.trial ? element('button', { type: 'button', className: 'end', onclick: guarded(() => end(table)) }, 'End the trial') :
				element('button', { type: 'button', className: 'try', onclick: guarded(() => ask(table)) }, 'Try another version')) : null);
}

function comparison(table, compared) {
	const exact = (share) => percent(share, 1);
	const rows = [['the table’s own', table.model, compared.labelled_a, compared.cer_a, compared.exact_a],
		['on trial', `${compared.model_b}${compared.version_b ? `, version ${compared.version_b}` : ''}`, compared.labelled_b, compared.cer_b, compared.exact_b]];
	return element('div', {},
		element('p', { className: 'soft' }, table.trial ? `On trial on ${percent(table.trial.share)} of the rows, ${table.trial.shadow ? 'in the shadow' : 'in the place of the table’s own'}.` :
			'The last trial has ended.'),
		element('div', { className: 'scroll' }, element('table', {},
			element('thead', {}, element('tr', {}, ...['', 'Model', 'Labelled rows', 'CER', 'Exact'].map((title, i) =>
				element('th', { scope: 'col', className: i > 1 ? 'number' : '' }, title || element('span', { className: 'unseen' }, 'Which'))))),
			element('tbody', {}, ...rows.map(([which, model, labelled, cer, share]) => element('tr', {}, element('th', { scope: 'row' }, which), element('td', {}, model),
				...[count(labelled), exact(cer), exact(share)].map((text) => element('td', { className: 'number' }, text))))))),
		element('p', { className: 'said verdict' }, compared.verdict, compared.p_value === null ? '' : ` (p = ${compared.p_value.toPrecision(2)}, bound ${compared.bound?.toPrecision(2) ?? '–'})`));
}

function fillVersions() {
	const versions = models.filter((one) => one.model === byId('model').value && one.version !== null);
	byId('version').replaceChildren(element('option', { value: '' }, 'the active one'),
		...versions.map(({ version, active }) => element('option', { value: String(version) }, `${version}${active ? ', active' : ''}`)));
}

async function ask(table) {
	const dialog = byId('trial');
	models = await api('models');
	const names = [...new Set(models.map((one) => one.model))].sort();
	byId('model').replaceChildren(...names.map((name) => element('option', { value: name, selected: name === table.model }, name)));
	fillVersions();
	dialog.returnValue = 'no';
	dialog.showModal();
	await new Promise((resolve) => { dialog.addEventListener('close', resolve, { once: true }); });
	if (dialog.returnValue !== 'yes') {
		return;
	}
	await api(place(table, 'trial'), { method: 'POST', json: {
		text: table.text, model: byId('model').value, version: byId('version').value ? Number(byId('version').value) : null,
		share: Number(byId('share').value) / 100, shadow: document.querySelector('input[name="how"]:checked').value === 'shadow',
	} });
	await load();
	byId('status').textContent = `${byId('model').value} is on trial.`;
}

async function end(table) {
	await api(place(table, 'trial'), { method: 'DELETE' });
	await load();
	byId('status').textContent = 'The trial has ended.';
}

async function pause(table) {
	await api(place(table, 'paused'), { method: 'PUT', json: { text: table.text, paused: !table.paused } });
	await load();
	byId('status').textContent = table.paused ? 'Rows are read again.' : 'Paused: rows wait.';
}

byId('model').addEventListener('change', fillVersions);
guarded(async () => {
	await begin();
	await load();
})();
