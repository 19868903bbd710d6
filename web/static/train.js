// Train: start a training, watch its curve grow, stop it.
import { api, begin, byId, chooseTable, element, guarded, path, percent, showProblem } from './common.js';
import { fillColumns } from './columns.js';
import { drawChart } from './chart.js';

const RUNNING = ['queued', 'starting', 'running'];
let table = null;
let watched = null;			// the job that is shown
let timer = 0;
let spokenState = '';

const loss = (value) => value === null ? '–' : value.toFixed(value < 10 ? 3 : 1);

function duration(seconds) {
	return seconds >= 90 ? `${Math.round(seconds / 60)} min` : `${Math.max(1, Math.round(seconds))} s`;
}

async function list() {
	const jobs = await api('jobs');
	byId('jobs').replaceChildren(...jobs.map((job) => element('tr', { tabIndex: 0, onclick: guarded(() => watch(job.job)),
		onkeydown: (event) => { if (event.key === 'Enter') { guarded(watch)(job.job); } }, 'aria-selected': String(job.job === watched) },
	element('td', {}, String(job.job)), element('td', {}, job.model), element('td', {}, job.state),
	element('td', { className: 'number' }, `${job.epoch ?? 0} / ${job.epochs ?? '–'}`), element('td', { className: 'number' }, percent(job.cer, 1)),
	element('td', { className: 'number' }, job.version === null ? '–' : String(job.version)))));
	if (!jobs.length) {
		byId('jobs').replaceChildren(element('tr', {}, element('td', { colSpan: 6, className: 'soft' }, 'None yet')));
	}
	return jobs;
}

async function watch(number) {
	clearTimeout(timer);
	watched = number;
	const job = await api(path(['jobs', String(number)]));
	if (watched !== number) {
		return;
	}
	show(job);
	if (RUNNING.includes(job.state)) {
		// Tabs that nobody sees ask rarely.
		timer = setTimeout(() => watch(number).catch(showProblem), document.hidden ? 10000 : 1000);
	}
	await list();
}

function show(job) {
	const running = RUNNING.includes(job.state);
	byId('job').hidden = false;
	byId('title').textContent = `Job ${job.job}: ${job.model} from ${job.training}`;
	byId('state').textContent = job.state;
	byId('state').className = running ? 'tag on' : 'tag';
	const finished = Math.max(0, (job.epoch ?? 0) - 1) + (job.steps ? job.step / job.steps : 0);
	byId('progress').hidden = !running;
	byId('progress').value = job.epochs ? finished / job.epochs : 0;
	byId('phase').textContent = running ? [job.phase, job.epoch ? `epoch ${job.epoch} of ${job.epochs}` : null,
		job.images_per_second ? `${job.images_per_second} images/s` : null,
		job.seconds_left !== null ? `${duration(job.seconds_left)} left` : null].filter(Boolean).join(' · ') :
		[`${job.images ?? 0} images`, job.version !== null ? `version ${job.version}${job.activated ? ', active' : ', not active'}` : null]
			.filter(Boolean).join(' · ');
	byId('controls').hidden = !running;
	byId('message').textContent = [job.message, job.sqlstate ? `SQLSTATE ${job.sqlstate}` : null].filter(Boolean).join(' · ');
	curves(job);
	const said = `Job ${job.job} ${job.state}` + (running ? '' : `, CER ${percent(job.cer, 1)}`);
	if (said !== spokenState) {
		byId('spoken').textContent = spokenState = said;
	}
}

function curves({ history, epochs }) {
	const of = (name) => history.filter((epoch) => epoch[name] !== null).map((epoch) => [epoch.epoch, epoch[name]]);
	const best = history.filter((epoch) => epoch.best && epoch.cer !== null).at(-1);
	byId('loss').dataset.epochs = byId('cer').dataset.epochs = history.length;
	for (const part of document.querySelectorAll('#job .legend, #job .chart, #job details')) {
		part.hidden = !history.length;
	}
	if (!history.length) {
		return;
	}
	drawChart(byId('loss'), { title: 'Losses by epoch', last: epochs, series: [{ name: 'a', values: of('train_loss') },
		{ name: 'b', values: of('validation_loss') }] });
	drawChart(byId('cer'), { title: 'Character error rate by epoch', last: epochs, series: [{ name: 'b', values: of('cer') }],
		marked: best && [best.epoch, best.cer], format: (value) => percent(value) });
	byId('epochs').replaceChildren(
		element('thead', {}, element('tr', {}, ...['Epoch', 'Training loss', 'Validation loss', 'CER', 'WER', 'Images/s'].map((title) =>
			element('th', { scope: 'col', className: 'number' }, title)))),
		element('tbody', {}, ...history.map((epoch) => element('tr', {}, ...[epoch.epoch, loss(epoch.train_loss), loss(epoch.validation_loss),
			percent(epoch.cer, 1), percent(epoch.wer, 1), Math.round(epoch.images_per_second ?? 0)].map((text) =>
			element('td', { className: 'number' }, String(text)))))));
}

async function start() {
	let options = {};
	if (byId('options').value.trim()) {
		try {
			options = JSON.parse(byId('options').value);
		} catch (problem) {
			throw new Error(`The options are no JSON: ${problem.message}`);
		}
	}
	for (const [name, value] of [['preset', byId('preset').value], ['epochs', Number(byId('epochs-wanted').value)], ['base', byId('base').value]]) {
		if (value) {
			options[name] = value;
		}
	}
	const { job } = await api('jobs', { method: 'POST', json: {
		schema: table.schema, name: table.name, model: byId('name').value, image: byId('image').value, label: byId('label').value, options } });
	await watch(job);
	byId('title').scrollIntoView({ block: 'center', behavior: 'smooth' });
}

byId('start').addEventListener('submit', (event) => event.preventDefault());
byId('start').addEventListener('submit', guarded(start));
for (const action of ['cancel', 'finish']) {
	byId(action).addEventListener('click', guarded(async () => {
		await api(path(['jobs', String(watched), action]), { method: 'POST' });
		await watch(watched);
	}));
}
guarded(async () => {
	await begin();
	await chooseTable(byId('table'), {
		suits: (one) => one.texts.length, likely: (one) => one.texts.includes('label'),
	}, (chosen) => {
		table = chosen;
		fillColumns(table, { texts: ['label', 'text', 'transcription'] });
	});
	const jobs = await list();
	if (jobs.length) {
		await watch(jobs[0].job);
	}
})();
