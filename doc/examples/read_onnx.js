// What read_onnx.html does before and after the network; read_onnx.py's canvas() and read() in JavaScript.

// RGBA pixels (as of a canvas's getImageData) to ink [height][width], 0 paper .. 255 ink; meta as the page says.
export function inkOf(pixels, w, height, meta) {
	let h = height, grey = new Float64Array(w * h);
	for (let i = 0; i < grey.length; i++) {
		const a = pixels[4 * i + 3] / 255;
		const g = 0.299 * pixels[4 * i] + 0.587 * pixels[4 * i + 1] + 0.114 * pixels[4 * i + 2];
		grey[i] = Math.round(g * a + 255 * (1 - a));
	}
	let ink = contrast(grey);
	if (meta.fit === "line") {
		const [top, bottom] = lineRows(ink.map(Math.round), w, h);
		grey = grey.slice(top * w, bottom * w);
		h = bottom - top;
		ink = contrast(grey);
	}

	const scaled = (n, to, from) => Math.max(1, Math.floor((n * to + Math.floor(from / 2)) / from));
	const natural = scaled(w, meta.height, h);
	const width = meta.width || Math.min(Math.ceil(natural / meta.width_step) * meta.width_step, meta.max_width);
	const stretch = meta.fit === "stretch";
	const rows = stretch || natural <= width ? meta.height : Math.min(meta.height, scaled(h, width, w));
	const columns = stretch ? width : Math.min(natural, width);
	const small = resample(transpose(resample(ink, w, h, rows), w, rows), rows, w, columns);	// [columns][rows]
	const out = new Uint8Array(meta.height * width);
	const top = Math.floor((meta.height - rows) / 2);
	for (let y = 0; y < rows; y++)
		for (let x = 0; x < columns; x++)
			out[(top + y) * width + x] = Math.min(255, small[x * rows + y] + 0.5);
	return { data: out, height: meta.height, width };
}

// Ink of grey values: 0 paper .. 255.
function contrast(grey) {
	const counts = new Uint32Array(256);
	grey.forEach(g => counts[g]++);
	const percentile = p => {
		let seen = 0, g = 0;
		while (g < 255 && 100 * (seen += counts[g]) < p * grey.length)
			g++;
		return g;
	};
	const [low, paper, high] = [1, 50, 99].map(percentile);
	const sign = paper - low >= high - paper ? 1 : -1;
	const range = Math.max(sign > 0 ? paper - low : high - paper, 32);
	return grey.map(g => Math.min(255, Math.max(0, 255 * sign * (paper - g) / range)));
}

// The rows of ink [h][w] that a model whose fit is "line" looks at: first, and the one behind the last.
function lineRows(ink, w, h) {
	const row = y => ink.subarray(y * w, (y + 1) * w);
	const sums = Array.from({ length: h }, (_, y) => row(y).reduce((sum, v) => sum + (v >= 85 ? v : 0), 0));
	const most = Math.max(...sums);
	const within = share => [sums.findIndex(s => s >= share * most), h - 1 - [...sums].reverse().findIndex(s => s >= share * most)];
	const [first, last] = within(0.04), [fullFirst, fullLast] = within(0.5);
	const rows = last + 1 - first;
	const seen = new Uint8Array(w);
	let pixels = 0;
	for (let y = first; y <= last; y++)
		row(y).forEach((v, x) => {
			if (v >= 85) {
				seen[x] = 1;
				pixels++;
			}
		});
	const columns = seen.reduce((n, v) => n + v, 0);
	const wanted = Math.max(rows * 1.5, 2 * (fullLast + 1 - fullFirst), h / (1 + columns / rows));
	if (h < 16 || most === 0 || rows < 0.06 * h || pixels > 0.6 * columns * rows || wanted >= h)
		return [0, h];
	const middle = (first + last + 1) / 2;
	return [Math.max(Math.floor(middle - wanted / 2), 0), Math.min(Math.ceil(middle + wanted / 2), h)];
}

function transpose(from, w, h) {
	const to = new Float64Array(from.length);
	for (let y = 0; y < h; y++)
		for (let x = 0; x < w; x++)
			to[x * h + y] = from[y * w + x];
	return to;
}

// Lines [n][w] to [count][w] with a triangle filter, as wide as the reduction.
function resample(from, w, n, count) {
	const to = new Float64Array(count * w);
	const scale = n / count, support = Math.max(scale, 1);
	for (let i = 0; i < count; i++) {
		const center = (i + 0.5) * scale;
		const weights = [];
		let sum = 0;
		for (let k = Math.max(0, Math.floor(center - support)); k < Math.min(n, Math.ceil(center + support)); k++) {
			const weight = Math.max(0, 1 - Math.abs(k + 0.5 - center) / support);
			weights.push([k, weight]);
			sum += weight;
		}
		for (const [k, weight] of weights)
			for (let x = 0; x < w; x++)
				to[i * w + x] += weight / sum * from[k * w + x];
	}
	return to;
}

// Log posteriors [steps][classes] to text: the best class a step, runs merged, blanks dropped.
export function textOf(logp, classes, alphabet) {
	const characters = Array.from(alphabet);
	let text = "", before = 0;
	for (let t = 0; t < logp.length; t += classes) {
		let best = 0;
		for (let k = 1; k < classes; k++)
			if (logp[t + k] > logp[t + best])
				best = k;
		if (best !== before && best > 0)
			text += characters[best - 1];
		before = best;
	}
	return text;
}
