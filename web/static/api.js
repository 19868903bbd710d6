// API: the paths of /api, from what the application says of itself.
import { byId, element, guarded } from './common.js';

function typeOf(schema) {
	return schema?.type ?? (schema?.anyOf ? schema.anyOf.map((one) => one.type).filter(Boolean).join(' or ') : '');
}

// Query, path and body in one table
function inputs(call, document_) {
	const body = call.requestBody?.content?.['application/json']?.schema?.$ref?.split('/').at(-1);
	const fields = body ? document_.components.schemas[body] : null;
	const rows = (call.parameters ?? []).filter((one) => one.in !== 'header' && one.in !== 'cookie')
		.map((one) => [one.name, one.in, typeOf(one.schema), one.description ?? one.schema?.description ?? '', one.required]);
	for (const [name, schema] of Object.entries(fields?.properties ?? {})) {
		rows.push([name, 'JSON', typeOf(schema), schema.description ?? '', (fields.required ?? []).includes(name)]);
	}
	return rows;
}

// One call, folded
function show({ address, method, call }, document_) {
	const rows = inputs(call, document_);
	return element('details', { className: 'card call' },
		element('summary', {}, element('span', { className: 'method' }, method.toUpperCase()), element('code', {}, address),
			element('span', { className: 'soft small what' }, (call.description ?? call.summary).split(/[.;:,] /)[0].replace(/\.$/, ''))),
		element('p', {}, call.description ?? call.summary),
		rows.length ? element('div', { className: 'scroll' }, element('table', {},
			element('thead', {}, element('tr', {}, ...['Name', 'In', 'Type', 'Meaning'].map((title) => element('th', { scope: 'col' }, title)))),
			element('tbody', {}, ...rows.map(([name, place, type, meaning, required]) => element('tr', {},
				element('td', {}, element('code', {}, name), required ? ' (required)' : ''), element('td', {}, place), element('td', {}, type),
				element('td', { className: 'wrap' }, meaning)))))) : null);
}

guarded(async () => {
	const answer = await fetch('/api/openapi.json');
	const document_ = await answer.json();
	byId('about').textContent = document_.info.description;
	const calls = Object.entries(document_.paths).flatMap(([address, methods]) =>
		Object.entries(methods).map(([method, call]) => ({ address, method, call, tag: call.tags[0] })));
	byId('paths').replaceChildren(...[...new Set(calls.map(({ tag }) => tag))].map((tag) => element('section', { className: 'calls' },
		element('h2', {}, tag), ...calls.filter((call) => call.tag === tag).map((call) => show(call, document_)))));
})();
