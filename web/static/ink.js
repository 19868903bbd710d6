// Strokes on a canvas: from pen, finger or mouse to lines, and to the picture that is read.

const INK = '#16213a';
const WIDTH = 3.2;			// of a stroke on the screen, in CSS pixels

// In the picture, as shares of the ink's height: models learned from pens on paper, and read a hair line that fills its picture worse (of ten
// words in capitals 2 with 3 % and 20 %, 7 with these).
const PICTURE_WIDTH = 0.07;
const PICTURE_MARGIN = 0.4;

export class Ink {
	// onChange is called when there is more or less ink.
	constructor(canvas, onChange) {
		this.canvas = canvas;
		this.onChange = onChange;
		this.strokes = [];
		this.current = null;
		canvas.addEventListener('pointerdown', (event) => this.begin(event));
		canvas.addEventListener('pointermove', (event) => this.move(event));
		canvas.addEventListener('pointerup', () => this.end());
		canvas.addEventListener('pointercancel', () => this.end());
		new ResizeObserver(() => this.fit()).observe(canvas);
	}

	get empty() {
		return this.strokes.length === 0;
	}

	fit() {
		const scale = window.devicePixelRatio || 1;
		this.canvas.width = Math.round(this.canvas.clientWidth * scale);
		this.canvas.height = Math.round(this.canvas.clientHeight * scale);
		this.draw();
	}

	place(event) {
		const frame = this.canvas.getBoundingClientRect();
		return [event.clientX - frame.left, event.clientY - frame.top];
	}

	begin(event) {
		if (this.current || event.button > 0) {
			return;
		}
		event.preventDefault();
		this.canvas.setPointerCapture(event.pointerId);
		this.pointer = event.pointerId;
		this.current = [this.place(event)];
		this.strokes.push(this.current);
		this.changed();
	}

	move(event) {
		if (!this.current || event.pointerId !== this.pointer) {
			return;
		}
		// A pen gives more points than the screen has frames.
		const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
		for (const each of events.length ? events : [event]) {
			this.current.push(this.place(each));
		}
		this.changed();
	}

	end() {
		this.current = null;
	}

	undo() {
		this.end();
		this.strokes.pop();
		this.changed();
	}

	clear() {
		this.end();
		this.strokes = [];
		this.changed();
	}

	changed() {
		this.draw();
		this.onChange();
	}

	draw() {
		const context = this.canvas.getContext('2d');
		const scale = window.devicePixelRatio || 1;
		context.setTransform(scale, 0, 0, scale, 0, 0);
		context.clearRect(0, 0, this.canvas.width, this.canvas.height);
		drawStrokes(context, this.strokes, WIDTH);
	}

	// The ink on white paper, cut to size, as PNG
	picture() {
		const points = this.strokes.flat();
		const xs = points.map(([x]) => x);
		const ys = points.map(([, y]) => y);
		const height = Math.max(30, Math.max(...ys) - Math.min(...ys));
		const margin = PICTURE_MARGIN * height;
		const left = Math.min(...xs) - margin;
		const top = Math.min(...ys) - margin;
		const paper = document.createElement('canvas');
		paper.width = Math.ceil(Math.max(...xs) - left + margin);
		paper.height = Math.ceil(Math.max(...ys) - top + margin);
		const context = paper.getContext('2d');
		context.fillStyle = '#fff';
		context.fillRect(0, 0, paper.width, paper.height);
		context.translate(-left, -top);
		drawStrokes(context, this.strokes, PICTURE_WIDTH * height);
		return new Promise((resolve) => { paper.toBlob(resolve, 'image/png'); });
	}
}

// Points are joined by curves through the middles between them.
function drawStrokes(context, strokes, width) {
	context.strokeStyle = INK;
	context.lineWidth = width;
	context.lineCap = 'round';
	context.lineJoin = 'round';
	for (const stroke of strokes) {
		context.beginPath();
		context.moveTo(...stroke[0]);
		for (let i = 1; i < stroke.length - 1; i++) {
			const [x, y] = stroke[i];
			context.quadraticCurveTo(x, y, (x + stroke[i + 1][0]) / 2, (y + stroke[i + 1][1]) / 2);
		}
		context.lineTo(...stroke[stroke.length - 1]);
		context.stroke();
	}
}
