// A line chart as SVG.  Its numbers stand in a table beside it, so it is hidden from screen readers but for its title.
const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 640, HEIGHT = 200, LEFT = 56, RIGHT = 12, TOP = 10, BOTTOM = 30;

function make(name, attributes, text) {
	const made = document.createElementNS(SVG, name);
	for (const [key, value] of Object.entries(attributes)) {
		made.setAttribute(key, value);
	}
	if (text !== undefined) {
		made.textContent = text;
	}
	return made;
}

// A step of 1, 2 or 5 times a power of ten, so that there are at most n of them
function niceStep(range, n) {
	const raw = range / n || 1;
	const power = 10 ** Math.floor(Math.log10(raw));
	return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= raw - 1e-12);
}

// series: [{ name: 'a', values: [[x, y], ...] }]; names are classes of pages.css.  marked: [x, y] of the best one.
export function drawChart(place, { title, series, last, marked, format = (y) => String(y) }) {
	const points = series.flatMap(({ values }) => values);
	const svg = make('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': title });
	const top = Math.max(...points.map(([, y]) => y), 1e-9);
	const step = niceStep(top, 4);
	const high = Math.ceil(top / step - 1e-9) * step;
	const wide = Math.max(last ?? 1, ...points.map(([x]) => x), 2);
	const x = (value) => LEFT + (value - 1) / (wide - 1) * (WIDTH - LEFT - RIGHT);
	const y = (value) => HEIGHT - BOTTOM - value / high * (HEIGHT - TOP - BOTTOM);
	for (let value = 0; value <= high + step / 2; value += step) {
		svg.append(make('line', { class: value === 0 ? 'axis' : 'grid', x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }));
		svg.append(make('text', { x: LEFT - 8, y: y(value) + 4, 'text-anchor': 'end' }, format(value)));
	}
	const every = Math.max(1, niceStep(wide, 8));
	for (let value = every === 1 ? 1 : every; value <= wide; value += every) {
		svg.append(make('text', { x: x(value), y: HEIGHT - 8, 'text-anchor': 'middle' }, String(value)));
	}
	for (const { name, values } of series) {
		if (values.length === 1) {
			svg.append(make('circle', { class: name, cx: x(values[0][0]), cy: y(values[0][1]), r: 3 }));
		}
		svg.append(make('path', { class: name, d: values.map(([px, py], i) => `${i ? 'L' : 'M'}${x(px).toFixed(1)},${y(py).toFixed(1)}`).join('') }));
	}
	if (marked) {
		svg.append(make('circle', { class: 'b', cx: x(marked[0]), cy: y(marked[1]), r: 5 }));
	}
	place.replaceChildren(svg);
}
