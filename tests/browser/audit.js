// What is wrong with the page that is shown, as a list of sentences. Runs in the page, so it may use nothing from outside.
export function audit() {
  const wrong = [];
  const width = document.documentElement.clientWidth;
  const of = (element) => `<${element.tagName.toLowerCase()}${element.id && `#${element.id}`}${element.className && element.getAttribute('class') ? `.${element.getAttribute('class')}` : ''}>`;
  const shown = (element) => element.getClientRects().length > 0 && getComputedStyle(element).visibility === 'visible';

  if (document.documentElement.scrollWidth > width) wrong.push(`${document.documentElement.scrollWidth} px wide on a screen of ${width}`);
  if (document.documentElement.lang === '') wrong.push('no language');

  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], below) => [r, g, b].map((value, at) => value * a + below[at] * (1 - a));
  const light = (colour) => {
    const [r, g, b] = colour.map((value) => value / 255).map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const canvas = matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
  const ground = (element) => {
    if (!element) return canvas;
    const colour = channels(getComputedStyle(element).backgroundColor);
    return colour[3] === 0 ? ground(element.parentElement) : over(colour, ground(element.parentElement));
  };

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let said = 0;
  while (texts.nextNode()) {
    const text = texts.currentNode;
    const element = text.parentElement;
    if (!text.data.trim() || !shown(element) || element.closest('script, style, noscript, svg')) continue;
    said += text.data.trim().length;
    const about = `“${text.data.trim().slice(0, 20)}” in ${of(element)}`;
    const range = document.createRange();
    range.selectNodeContents(text);
    for (const box of range.getClientRects()) {
      if (box.left < 0 || box.right > width + 0.5) wrong.push(`${about} leaves the screen`);
    }
    const style = getComputedStyle(element);
    const [behind, colour] = [ground(element), channels(style.color)];
    const ratio = contrast(over(colour, behind), behind);
    if (ratio < 4.5) wrong.push(`${about}: contrast ${ratio.toFixed(2)}`);
    if (parseFloat(style.fontSize) < 12) wrong.push(`${about}: ${style.fontSize}`);
  }
  if (said < 20) wrong.push(`says almost nothing: ${document.body.innerText}`);

  for (const element of document.body.querySelectorAll('*')) {
    if (!shown(element) || element.closest('svg')) continue;
    const style = getComputedStyle(element);
    const clips = (overflow) => overflow === 'hidden' || overflow === 'clip';
    if (clips(style.overflowX) && element.scrollWidth > element.clientWidth) wrong.push(`${of(element)} is clipped at its side`);
    if (clips(style.overflowY) && element.scrollHeight > element.clientHeight + 1) wrong.push(`${of(element)} is clipped below`);
    if (element.matches('a[href], button')) {
      const box = element.getBoundingClientRect();
      if (box.width < 44 || box.height < 44) wrong.push(`${of(element)} is ${box.width} × ${box.height}, too small for a thumb`);
    }
    if (element.matches('img') && !(element.complete && element.naturalWidth > 0)) wrong.push(`${of(element)} is not there`);
  }
  return [...new Set(wrong)];
}
