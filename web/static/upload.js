// Upload: an image is read; its lines are drawn over it.  Nothing is kept unless one says so.
import { api, begin, byId, chooseTable, element, fillSelect, guarded, path, percent } from './common.js';

const SVG = 'http://www.w3.org/2000/svg';
let file = null;
let table = null;
let forms = null;			// { fields, blanks }, once somebody asks for them

// Reading needs a file, and a form what it is laid over.
function allow() {
	byId('read').disabled = !file || (kind() === 'form' && !(forms?.blanks.length && forms.fields.length));
}

function choose(chosen) {
	file = chosen ?? null;
	allow();
	document.querySelector('.dropped').replaceChildren(...(file ? [element('strong', {}, file.name), ` · ${Math.ceil(file.size / 1024)} kB`] :
		['Choose an image or drop one here']));
}

const kind = () => document.querySelector('input[name="kind"]:checked').value;
const seconds = (answer) => `${(answer.milliseconds / 1000).toFixed(1)} s`;

// What each kind of image asks for, and what is said of the answer: its lines, { text, confidence, outline, name }
const KINDS = {
	async page(model) {
		const answer = await api(path(['pages'], { model, turn: byId('turn').value }), { method: 'POST', image: file });
		const { lines } = answer;
		return { lines, size: answer, said: `${lines.length} ${lines.length === 1 ? 'line' : 'lines'}, read in ${seconds(answer)}` };
	},
	async line(model) {
		const answer = await api(path(['readings'], { model, n: 5 }), { method: 'POST', image: file });
		return { lines: answer.readings, said: `The ${answer.readings.length} most probable readings, in ${Math.round(answer.milliseconds)} ms` };
	},
	async form(model) {
		const blank = forms.blanks[Number(byId('blank').value)];
		const fields = forms.fields[Number(byId('fields').value)];
		const { schema, name, column, key } = blank;
		const answer = await api(path(['forms'], { schema, name, column, key, fields_schema: fields.schema, fields: fields.name, model }), { method: 'POST', image: file });
		const lines = answer.fields.map((field) => ({ name: field.field, text: field.value ?? field.text, confidence: field.confidence, outline: field.area }));
		return { lines, size: answer, said: `${lines.length} fields, read in ${seconds(answer)}` };
	},
};

async function read() {
	byId('status').textContent = 'Reading…';
	byId('read').disabled = true;
	try {
		const { lines, size, said } = await KINDS[kind()](byId('model').value);
		await show(lines, size);
		byId('status').textContent = said;
	} catch (problem) {
		byId('status').textContent = '';
		throw problem;
	} finally {
		allow();
	}
}

async function show(lines, size) {
	const picture = byId('picture');
	const image = element('img', { alt: 'The uploaded image' });
	URL.revokeObjectURL(picture.dataset.address);
	image.src = picture.dataset.address = URL.createObjectURL(file);
	// Once it is shown, nothing moves any more: what one is about to press stays where it is.
	await image.decode().catch(() => {});
	picture.replaceChildren(image, ...(size ? [outlines(lines, size)] : []));
	byId('lines').replaceChildren(...lines.map((line, i) => element('li', {}, element('button', {
		type: 'button', onclick: () => select(i), onmouseenter: () => select(i), onfocus: () => select(i),
	}, line.name ? element('span', { className: 'name' }, line.name) : null, element('span', { className: 'text', lang: '' }, line.text || '(nothing)'),
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
async function chooseKind() {
	byId('turned').hidden = kind() !== 'page';
	byId('form-choice').hidden = byId('no-forms').hidden = true;
	if (kind() === 'form') {
		forms ??= await api('forms');
		const shown = ({ schema, name }) => schema === 'public' ? name : `${schema}.${name}`;
		const there = forms.blanks.length > 0 && forms.fields.length > 0;
		fillSelect(byId('blank'), forms.blanks.map((one, i) => ({ value: String(i), text: `${shown(one)}: ${one.title ?? JSON.parse(one.key).join(', ')}` })));
		fillSelect(byId('fields'), forms.fields.map((one, i) => ({ value: String(i), text: shown(one) })));
		byId('form-choice').hidden = !there;
		byId('no-forms').hidden = there;
	}
	allow();
}

for (const radio of document.querySelectorAll('input[name="kind"]')) {
	radio.addEventListener('change', guarded(chooseKind));
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
	const { upload_mb: most } = await begin();
	byId('limit')?.append(`, at most ${most} MB`);		// unless a file is there already
	// The lists may come later than a reading.
	await chooseTable(byId('table'), { suits: (one) => one.insertable }, (chosen) => {
		table = chosen;
		byId('store').hidden = !table || byId('outcome').hidden;
	});
})();
