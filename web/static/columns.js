// Selects that choose columns of a table, each by its data-kind: those of a table that reads itself, else the likeliest name, else the first.
import { fillSelect } from './common.js';

const LIKELY = { texts: ['reading', 'text', 'label', 'transcription'], numbers: ['confidence'], flags: ['checked', 'reviewed'] };

export function fillColumns(table, likely = LIKELY) {
	const attached = table?.attached[0];
	const own = { image: attached?.image, text: attached?.text, confidence: attached?.confidence, checked: attached ? '' : undefined };
	for (const select of document.querySelectorAll('select[data-kind]')) {
		const names = table?.[select.dataset.kind] ?? [];
		const wanted = (likely[select.dataset.kind] ?? []).find((name) => names.includes(name));
		fillSelect(select, names, own[select.id] ?? wanted ?? (select.dataset.none ? '' : names[0]));
	}
}
