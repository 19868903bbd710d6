// Upload: an image is read; its lines are drawn over it.  Nothing is kept unless one says so.
import { api, begin, byId, chooseTable, element, guarded, path, percent } from './common.js';

const SVG = 'http://www.w3.org/2000/svg';
let file = null;
let table = null;

function choose(chosen) {
	file = chosen ?? null;
	byId('read').disabled = !file;
	document.querySelector('.dropped').replaceChildren(...(file ? [element('strong', {}, file.name), ` · ${Math.ceil(file.size / 1024)} kB`] :
		['Choose an image or drop one here']));
}

async function read() {
	const page = document.querySelector('input[name="kind"]:checked').value === 'page';
	const model = byId('model').value;
	byId('status').textContent = 'Reading…';
	byId('read').disabled = true;
	try {
		const answer = page ? await api(path(['pages'], { model, turn: byId('turn').value }), { method: 'POST', image: file }) :
			await api(path(['readings'], { model, n: 5 }), { method: 'POST', image: file });
		const lines = page ? answer.lines : answer.readings;
		byId('status').textContent = page ? `${lines.length} ${lines.length === 1 ? 'line' : 'lines'}, read in ${(answer.milliseconds / 1000).toFixed(1)} s` :
			`The ${lines.length} most probable readings, in ${Math.round(answer.milliseconds)} ms`;
		await show(lines, page ? answer : null);
	} catch (problem) {
		byId('status').textContent = '';
		throw problem;
	} finally {
		byId('read').disabled = false;
	}
}

async function show(lines, size) {
	const picture = byId('picture');
	const image = element('img', { alt: 'The uploaded image' });
	URL.revokeObjectURL(picture.dataset.address);
	image.src = picture.dataset.address = URL.createObjectURL(file);
	picture.replaceChildren(image, ...(size ? [outlines(lines, size)] : []));
	byId('lines').replaceChildren(...lines.map((line, i) => element('li', {}, element('button', {
		type: 'button', onclick: () => select(i), onmouseenter: () => select(i), onfocus: () => select(i),
	}, element('span', { className: 'text', lang: '' }, line.text || '(nothing)'),
	element('span', { className: 'figure', title: 'probability that the text is right' }, percent(line.confidence))))));
	byId('outcome').hidden = false;
	byId('store').hidden = !table;
}

function outlines(lines, size) {
	const svg = document.createElementNS(SVG, 'svg');
	svg.setAttribute('viewBox', `0 0 ${size.width} ${size.height}`);
	svg.setAttribute('preserveAspectRatio', 'none');
	svg.setAttribute('aria-hidden', 'true');
	lines.forEach((line, i) => {
		const polygon = document.createElementNS(SVG, 'polygon');
		polygon.setAttribute('points', line.outline.map((point) => point.join(',')).join(' '));
		polygon.addEventListener('pointerenter', () => select(i));
		polygon.addEventListener('click', () => { byId('lines').children[i].firstChild.focus(); });
		svg.append(polygon);
	});
	return svg;
}

function select(chosen) {
	for (const list of [document.querySelectorAll('.picture polygon'), document.querySelectorAll('#lines button')]) {
		list.forEach((each, i) => each.classList.toggle('on', i === chosen));
	}
}

byId('file').addEventListener('change', (event) => choose(event.target.files[0]));
byId('drop').addEventListener('dragover', (event) => { event.preventDefault(); byId('drop').classList.add('over'); });
byId('drop').addEventListener('dragleave', () => byId('drop').classList.remove('over'));
byId('drop').addEventListener('drop', (event) => {
	event.preventDefault();
	byId('drop').classList.remove('over');
	choose(event.dataTransfer.files[0]);
});
byId('form').addEventListener('submit', (event) => event.preventDefault());
byId('form').addEventListener('submit', guarded(read));
for (const kind of document.querySelectorAll('input[name="kind"]')) {
	kind.addEventListener('change', () => {
		const page = document.querySelector('input[name="kind"]:checked').value === 'page';
		byId('turn').disabled = !page;
	});
}
byId('copy').addEventListener('click', guarded(async () => {
	await navigator.clipboard.writeText([...document.querySelectorAll('#lines .text')].map((line) => line.textContent).join('\n'));
	byId('status').textContent = 'Copied';
}));
byId('store').addEventListener('submit', (event) => event.preventDefault());
byId('store').addEventListener('submit', guarded(async () => {
	const row = await api(path(['tables', table.schema, table.name]), { method: 'POST', image: file });
	byId('status').textContent = `Stored in ${table.name}${row.key ? ' as row ' + JSON.parse(row.key).join(', ') : ''}`;
}));
guarded(async () => {
	await begin();
	await chooseTable(byId('table'), { suits: (one) => one.insertable }, (chosen) => { table = chosen; });
})();
