/* SPDX-License-Identifier: MIT */
/* Charts say their values where the pointer or an arrow key is. */
for (const svg of document.querySelectorAll('svg.chart')) {
	const px = svg.dataset.px.split(' ').map(Number), x = svg.dataset.x.split('|');
	const lines = [...svg.querySelectorAll('.line')].map(p => p.dataset.y.split('|'));
	const figure = svg.closest('figure'), rule = svg.querySelector('.rule');
	const at = figure.querySelector('figcaption output');
	const out = figure.querySelectorAll('.legend output');
	let k = -1;
	const show = i => {
		k = i;
		svg.classList.toggle('at', i >= 0);
		at.textContent = i < 0 ? '' : ' at ' + x[i];
		out.forEach((o, n) => o.textContent = i < 0 ? '' : lines[n][i]);
		if (i >= 0) {
			rule.setAttribute('x1', px[i]);
			rule.setAttribute('x2', px[i]);
		}
	};
	const nearest = e => {
		const box = svg.getBoundingClientRect();
		const p = (e.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
		show(px.reduce((best, v, i) => Math.abs(v - p) < Math.abs(px[best] - p) ? i : best, 0));
	};
	svg.addEventListener('pointermove', nearest);
	svg.addEventListener('pointerdown', nearest);
	svg.addEventListener('pointerleave', e => e.pointerType === 'mouse' && show(-1));
	svg.addEventListener('keydown', e => {
		const step = {ArrowLeft: -1, ArrowRight: 1}[e.key];
		if (!step)
			return;
		show(Math.min(px.length - 1, Math.max(0, k + step)));
		e.preventDefault();
	});
}
/* Pictures say what is below the pointer. */
for (const svg of document.querySelectorAll('svg.say')) {
	const out = svg.nextElementSibling.querySelector('output');
	const say = e => out.textContent = e.target.dataset.say || out.textContent;
	svg.addEventListener('pointerover', say);
	svg.addEventListener('pointerdown', say);
}

/* One choice of each is shown. */
const choosers = [...document.querySelectorAll('select.choose')];
const choose = () => {
	for (const part of document.querySelectorAll('.choice'))
		part.classList.toggle('other', choosers.some(
			c => c.dataset.of in part.dataset && part.dataset[c.dataset.of] !== c.value));
};
for (const c of choosers)
	c.addEventListener('change', choose);
document.documentElement.classList.add('script');
if (choosers.length)
	choose();
