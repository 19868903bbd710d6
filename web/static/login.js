import { api, byId, guarded } from './common.js';

byId('login').addEventListener('submit', guarded(async () => {
	await api('session', { method: 'POST', json: { role: byId('role').value, password: byId('password').value } });
	// Only to pages of the desk itself
	const to = new URLSearchParams(location.search).get('to') || '';
	location.assign(/^\/[a-z]+$/.test(to) ? to : '/write');
}));
byId('login').addEventListener('submit', (event) => event.preventDefault());
