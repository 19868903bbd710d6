// Run within a page by test_browser.py: what keeps people from using it, as a list of sentences.
const problems = [];
const visible = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && element.getClientRects().length > 0;
const named = (element) => (element.labels && [...element.labels].some((label) => label.textContent.trim())) || element.getAttribute('aria-label') ||
	element.getAttribute('aria-labelledby') || element.textContent.trim() || element.title;

for (const control of document.querySelectorAll('input, select, textarea, button, a, canvas, progress')) {
	if (control.matches('input, select, textarea') ? !(control.labels?.length || control.getAttribute('aria-label')) : !named(control)) {
		problems.push(`${control.tagName} #${control.id} has no name`);
	}
}
for (const image of document.querySelectorAll('img')) {
	if (!image.hasAttribute('alt')) {
		problems.push(`an image has no alt: ${image.src}`);
	}
}
if (document.querySelectorAll('main').length !== 1 || !document.documentElement.lang || ![...document.querySelectorAll('h1, h2')].some(visible)) {
	problems.push('no main, lang or heading');
}
// On a telephone innerWidth grows with what is too wide; clientWidth does not.
const { scrollWidth, clientWidth } = document.documentElement;
if (scrollWidth > clientWidth) {
	problems.push(`the page is ${scrollWidth - clientWidth} pixels too wide`);
}

// Contrast of every text with the colour under it: WCAG 2.2, AA
const parse = (color) => (color.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
function ground(element) {
	for (let each = element; each; each = each.parentElement) {
		const [r, g, b, alpha = 1] = parse(getComputedStyle(each).backgroundColor);
		if (alpha > 0.99) {
			return [r, g, b];
		}
	}
	return [255, 255, 255];
}
function luminance([r, g, b]) {
	const [x, y, z] = [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
	return 0.2126 * x + 0.7152 * y + 0.0722 * z;
}
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let texts = 0;
while (walker.nextNode()) {
	const element = walker.currentNode.parentElement;
	if (!walker.currentNode.textContent.trim() || !visible(element) || element.closest(':disabled, [aria-hidden="true"], option, .unseen')) {
		continue;
	}
	texts++;
	const style = getComputedStyle(element);
	const [a, b] = [luminance(parse(style.color)), luminance(ground(element))];
	const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
	const large = parseFloat(style.fontSize) >= 24;
	if (ratio < (large ? 3 : 4.5)) {
		problems.push(`contrast ${ratio.toFixed(1)}: "${walker.currentNode.textContent.trim().slice(0, 30)}"`);
	}
}
if (!texts) {
	problems.push('the page shows no text');
}
return problems;
