// Search: rows whose ink has the words, with the places marked in the picture.
import { api, begin, byId, chooseTable, element, guarded, path, percent } from './common.js';

let table = null;

async function search() {
	if (!table) {
		return;
	}
	byId('status').textContent = 'Searching…';
	const hits = await api(path(['search', table.schema, table.name], { q: byId('q').value, ink: table.inks[0] })).finally(() => {
		byId('status').textContent = '';
	});
	byId('status').textContent = hits.length ? `${hits.length} found` : 'Nothing found';
	byId('hits').replaceChildren(...hits.map(hit));
}

function hit({ key, text, relevance, spots }) {
	const image = element('img', { alt: '', loading: 'lazy', src: '/api/' + path(['tables', table.schema, table.name, 'image'], { key }) });
	const frame = element('div', {}, image);
	image.addEventListener('load', () => {
		for (const spot of spots) {
			const mark = element('mark');
			mark.style.left = `${100 * spot.x0 / image.naturalWidth}%`;
			mark.style.width = `${100 * (spot.x1 - spot.x0) / image.naturalWidth}%`;
			frame.append(mark);
		}
	});
	return element('li', {}, element('div', { className: 'strip' }, frame), element('div', { className: 'row' },
		element('span', { className: 'text', lang: '' }, text ?? ''), element('span', { className: 'soft small' }, `row ${JSON.parse(key).join(', ')}`),
		relevance === null ? null : element('span', { className: 'tag on', title: 'probability that the words are there' }, percent(relevance))));
}

byId('form').addEventListener('submit', (event) => event.preventDefault());
byId('form').addEventListener('submit', guarded(search));
guarded(async () => {
	await begin();
	await chooseTable(byId('table'), {
		suits: (one) => one.key.length && (one.inks.length || one.texts.length), likely: (one) => one.inks.length,
	}, (chosen) => { table = chosen; });
	byId('q').focus();
})();
