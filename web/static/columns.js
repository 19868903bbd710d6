// Selects that choose columns of a table, each by its data-kind; the first column of a kind unless another name is likelier.
import { fillSelect } from './common.js';

const LIKELY = { texts: ['reading', 'text', 'label', 'transcription'], numbers: ['confidence'], flags: ['checked', 'reviewed'] };

export function fillColumns(table, likely = LIKELY) {
	for (const select of document.querySelectorAll('select[data-kind]')) {
		const names = table?.[select.dataset.kind] ?? [];
		const wanted = (likely[select.dataset.kind] ?? []).find((name) => names.includes(name));
		fillSelect(select, names, wanted ?? (select.dataset.none ? '' : names[0]));
	}
}
