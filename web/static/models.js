// Models: versions, figures, which one readers get.
import { api, begin, byId, element, guarded, path, percent } from './common.js';

const megabytes = (bytes) => bytes === null ? '–' : `${(bytes / 1e6).toFixed(1)} MB`;
const day = (time) => time ? new Date(time).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' }) : 'with hwr';

async function load() {
	const versions = await api('models');
	const names = [...new Set(versions.map((version) => version.model))];
	byId('models').replaceChildren(...names.map((name) => card(name, versions.filter((version) => version.model === name))));
	byId('models').setAttribute('aria-busy', 'false');
}

function card(name, versions) {
	const active = versions.find((version) => version.active);
	const head = ['Version', 'CER, validation', 'CER, evaluation', 'Exact', 'Size', 'Made', ''];
	return element('article', { className: 'card model' },
		element('div', { className: 'row' }, element('h2', {}, name), element('span', { className: 'push' }),
			element('span', { className: 'soft small' }, active?.owner ? `owner ${active.owner}` : '')),
		element('div', { className: 'scroll' }, element('table', {},
			element('thead', {}, element('tr', {}, ...head.map((title, i) => element('th', { scope: 'col', className: i > 0 && i < 5 ? 'number' : '' },
				title || element('span', { className: 'unseen' }, 'What to do'))))),
			element('tbody', {}, ...versions.map((version) => line(version, versions))))),
		more(name, active ?? versions[0]));
}

// Measurements and errors are asked for when somebody opens them.
function more(name, { alphabet, architecture }) {
	const place = element('div', { className: 'scroll' });
	return element('details', { ontoggle: guarded(async (event) => {
		if (!event.target.open || place.childElementCount) {
			return;
		}
		const [metrics, confusions] = await Promise.all([api(path(['models', name, 'metrics'])), api(path(['models', name, 'confusions']))]);
		place.replaceChildren(
			table(['Version', 'Measured on', '#Images', '#CER', '#WER', '#Exact', '#F1'], metrics.map((metric) => [metric.version ?? 'bundled',
				`${metric.split}, ${metric.data}`, metric.images.toLocaleString(), percent(metric.cer, 1), percent(metric.wer, 1),
				percent(metric.exact_match, 1), percent(metric.f1, 1)])),
			confusions.length ? element('p', { className: 'small errors' }, 'Commonest errors: ' +
				confusions.map((one) => `${one.error} (${one.count})`).join(', ')) : '');
	}) }, element('summary', {}, 'Measurements, errors, network'), place,
	element('p', { className: 'soft small errors' }, `${[...alphabet].length} characters · `, element('code', {}, architecture)));
}

// Columns whose title begins with # hold numbers.
function table(titles, rows) {
	const cell = (name, i, text) => element(name, { className: titles[i].startsWith('#') ? 'number' : 'wrap' }, text);
	return element('table', {},
		element('thead', {}, element('tr', {}, ...titles.map((title, i) => cell('th', i, title.replace('#', ''))))),
		element('tbody', {}, ...rows.map((row) => element('tr', {}, ...row.map((text, i) => cell('td', i, String(text)))))));
}

function line(version, versions) {
	const figure = (text) => element('td', { className: 'number' }, text);
	const report = '/api/' + path(['models', version.model, 'report'], { version: version.version });
	const mayActivate = versions.some((other) => other.may_activate) && !version.active;
	return element('tr', {},
		element('td', {}, version.bundled ? 'bundled ' : `${version.version} `, version.active ? element('span', { className: 'tag on' },
			version.chosen ? 'active, chosen' : 'active') : ''),
		figure(percent(version.validation_cer, 1)), figure(percent(version.evaluation_cer, 1)),
		figure(percent(version.evaluation_exact ?? version.validation_exact, 1)), figure(megabytes(version.bytes)),
		element('td', {}, day(version.created)),
		element('td', { className: 'actions' },
			version.version || version.active ? element('a', { href: report, target: '_blank', rel: 'noopener' }, 'Report') : '',
			mayActivate ? element('button', { type: 'button', onclick: guarded(() => activate(version)) }, 'Activate') : ''));
}

async function activate({ model, version }) {
	const dialog = byId('confirm');
	byId('question').textContent = version === null ? `Use the bundled model for “${model}”?` : `Use version ${version} of “${model}”?`;
	byId('consequence').textContent = 'All readers get it at once, and it stays until somebody chooses another one.';
	dialog.returnValue = 'no';
	dialog.showModal();
	await new Promise((resolve) => { dialog.addEventListener('close', resolve, { once: true }); });
	if (dialog.returnValue === 'yes') {
		await api(path(['models', model, 'activate']), { method: 'POST', json: { version } });
		await load();
	}
}

guarded(async () => {
	await begin();
	await load();
})();
