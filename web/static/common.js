// What all pages share: asking the API, showing errors, building elements.  Text from the database only ever becomes textContent.

let me = null;

// An answer of /api that was no success
export class ApiError extends Error {
	constructor(status, error) {
		super(error.message);
		Object.assign(this, error, { status });
	}
}

export async function api(path, { method = 'GET', json, image, signal } = {}) {
	const headers = {};
	let body;
	if (json !== undefined) {
		headers['Content-Type'] = 'application/json';
		body = JSON.stringify(json);
	} else if (image) {
		headers['Content-Type'] = image.type.startsWith('image/') ? image.type : 'application/octet-stream';
		body = image;
	} else if (method !== 'GET') {
		body = '';
	}
	if (me) {
		headers['X-CSRF-Token'] = me.csrf;
	}
	const answer = await fetch('/api/' + path, { method, headers, body, signal, credentials: 'same-origin' });
	if (answer.status === 401 && document.body.dataset.page !== 'login') {
		location.assign('/login?to=' + encodeURIComponent(location.pathname));
		await new Promise(() => {});
	}
	const content = answer.status === 204 ? null : await answer.json().catch(() => ({}));
	if (!answer.ok) {
		throw new ApiError(answer.status, content.error || { message: `The desk answered ${answer.status}.` });
	}
	return content;
}

// A path of encoded parts, with a query of what is not null
export function path(parts, query = {}) {
	const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== ''));
	return parts.map(encodeURIComponent).join('/') + (search.size ? '?' + search : '');
}

export function element(name, properties = {}, ...children) {
	const made = document.createElement(name);
	for (const [key, value] of Object.entries(properties)) {
		if (key in made) {
			made[key] = value;
		} else {
			made.setAttribute(key, value);
		}
	}
	made.append(...children.filter((child) => child !== null && child !== undefined));
	return made;
}

export const byId = (id) => document.getElementById(id);

const box = byId('problem');

export function showProblem(problem) {
	const more = [problem.detail, problem.hint].filter(Boolean).join(' ');
	box.replaceChildren(
		element('p', {}, element('strong', {}, problem.message || String(problem)), more ? ' ' + more : '',
			problem.sqlstate ? element('code', {}, ` SQLSTATE ${problem.sqlstate}`) : ''),
		element('button', { type: 'button', className: 'quiet', onclick: () => { box.hidden = true; } }, 'Close'));
	box.hidden = false;
}

export function hideProblem() {
	box.hidden = true;
}

// For event handlers: errors are shown.
export function guarded(task) {
	return async (...given) => {
		try {
			hideProblem();
			return await task(...given);
		} catch (problem) {
			if (problem.name !== 'AbortError') {
				showProblem(problem);
			}
		}
	};
}

export function percent(share, digits = 0) {
	if (share === null || share === undefined) {
		return '–';
	}
	const least = 10 ** -digits;
	return share > 0 && 100 * share < least / 2 ? `< ${least} %` : `${(100 * share).toFixed(digits)} %`;
}

export function setMeter(meter, confidence) {
	const known = confidence !== null && confidence !== undefined;
	meter.hidden = !known;
	if (known) {
		meter.classList.toggle('good', confidence >= 0.8);
		meter.classList.toggle('fair', confidence >= 0.4 && confidence < 0.8);
		meter.querySelector('.fill').style.width = `${100 * confidence}%`;
		meter.querySelector('.figure').textContent = percent(confidence);
		meter.querySelector('.figure').title = 'probability that the whole text is right';
	}
}

export function fillSelect(select, options, chosen) {
	const none = select.dataset.none;
	select.replaceChildren(...(none ? [element('option', { value: '' }, none)] : []),
		...options.map((option) => element('option', { value: option.value ?? option }, option.text ?? option)));
	if (chosen !== undefined && [...select.options].some((option) => option.value === chosen)) {
		select.value = chosen;
	}
}

// What a person chose last, in this browser; anything else is not kept.
export const remembered = (name) => localStorage.getItem('desk.' + name) ?? undefined;
export const remember = (name, value) => localStorage.setItem('desk.' + name, value);

async function fillModels() {
	const selects = document.querySelectorAll('select[data-models]');
	if (!selects.length) {
		return;
	}
	const names = [...new Set((await api('models')).map((model) => model.model))].sort();
	for (const select of selects) {
		fillSelect(select, names, remembered(document.body.dataset.page + '.' + select.id) ?? (select.dataset.none ? '' : 'default'));
		select.addEventListener('change', () => remember(document.body.dataset.page + '.' + select.id, select.value));
	}
}

// Tables in a select; calls back with the one that is chosen, now and later.  The first one is chosen for whom likely is true.
export async function chooseTable(select, { suits, likely = () => true }, onChange) {
	const tables = (await api('tables')).filter(suits);
	fillSelect(select, tables.map((table, i) => ({ value: String(i), text: table.schema === 'public' ? table.name : `${table.schema}.${table.name}` })));
	const key = document.body.dataset.page + '.table';
	const last = tables.findIndex((table) => `${table.schema}.${table.name}` === remembered(key));
	if (tables.length) {
		select.value = String(Math.max(0, last >= 0 ? last : tables.findIndex(likely)));
	}
	const change = () => {
		const table = tables[Number(select.value)];
		if (table) {
			remember(key, `${table.schema}.${table.name}`);
		}
		return onChange(table);
	};
	select.addEventListener('change', guarded(change));
	await change();
}

// Everything that a page needs before it begins: who is there, and the lists of models.
export async function begin() {
	const link = document.querySelector(`nav a[href="/${document.body.dataset.page}"]`);
	if (link) {
		link.setAttribute('aria-current', 'page');
		link.scrollIntoView({ block: 'nearest', inline: 'center' });
	}
	me = await api('session');
	byId('who').textContent = `${me.role} @ ${me.database}`;
	document.querySelector('.who').hidden = false;
	byId('leave').addEventListener('click', guarded(async () => {
		await api('session', { method: 'DELETE' });
		location.assign('/login');
	}));
	await fillModels();
	return me;
}
