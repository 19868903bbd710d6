// Write: what is written is read while one writes.
import { api, begin, byId, element, guarded, hideProblem, path, percent, setMeter, showProblem } from './common.js';
import { Ink } from './ink.js';

const ink = new Ink(byId('canvas'), onInk);
let reading = false;		// one request at a time;
let stale = false;			// there is more ink than it knows of.
let speak = 0;

function onInk() {
	byId('hint').hidden = !ink.empty;
	stale = true;
	if (!reading) {
		readOn();
	}
}

async function readOn() {
	reading = true;
	while (stale) {
		stale = false;
		if (ink.empty) {
			show([], null);
			continue;
		}
		try {
			const started = performance.now();
			const answer = await api(path(['readings'], { model: byId('model').value, n: 6 }), { method: 'POST', image: await ink.picture() });
			hideProblem();
			if (!ink.empty) {
				show(answer.readings, performance.now() - started, answer.milliseconds);
			}
		} catch (problem) {
			showProblem(problem);
			// Nobody wants the same error at every movement.
			await new Promise((resolve) => { setTimeout(resolve, 1000); });
		}
	}
	reading = false;
}

function show(readings, milliseconds, atServer) {
	const [best, ...others] = readings;
	byId('reading').replaceChildren(...(best ? letters(best) : [element('span', { className: 'soft' }, 'Nothing written yet')]));
	setMeter(byId('meter'), best?.confidence);
	byId('others').replaceChildren(...others.map((other) => element('li', {},
		element('span', { className: 'text' }, other.text || '(nothing)'), element('span', { className: 'figure' }, percent(other.confidence)))));
	byId('timing').textContent = best ? `Read in ${Math.round(milliseconds)} ms, ${Math.round(atServer)} of them in the database` : '';
	byId('timing').dataset.milliseconds = best ? milliseconds : '';
	// Spoken when the hand rests
	clearTimeout(speak);
	speak = setTimeout(() => { byId('spoken').textContent = best ? `Reads ${best.text}, ${percent(best.confidence)} sure` : ''; }, 1000);
}

// Doubtful characters are marked, where places are known.
function letters(reading) {
	const characters = reading.characters ?? [];
	if (!reading.text || characters.map((one) => one.char).join('') !== reading.text) {
		return [reading.text || element('span', { className: 'soft' }, '(nothing that it can read)')];
	}
	return characters.map((one) => one.confidence < 0.6 ?
		element('span', { className: 'doubtful', title: `${one.char}: ${percent(one.confidence)}` }, one.char) : one.char);
}

byId('undo').addEventListener('click', () => ink.undo());
byId('clear').addEventListener('click', () => ink.clear());
byId('model').addEventListener('change', () => { if (!ink.empty) { onInk(); } });
document.addEventListener('keydown', (event) => {
	if (event.key === 'Escape') {
		ink.clear();
	} else if (event.key === 'z' && (event.ctrlKey || event.metaKey)) {
		event.preventDefault();
		ink.undo();
	}
});
guarded(begin)();
