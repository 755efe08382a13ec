import { number } from './report.js';
import type { Measured } from './ratios.js';
import { spread } from './statistics.js';

interface Bar {
  readonly title: string;
  readonly perSecond: number;
}

const WIDTH = 760;
const LABELS = 220;
const FIGURES = 90;
const BAR = 16;
const GAP = 6;
const HEAD = 34;

/**
 * Bars of calls or messages a second: a panel for each work, with a scale of its own. What is measured
 * pinned and not pinned is drawn once.
 */
export function plot(all: readonly Measured[]): string {
  let top = GAP;
  const drawn = all.filter(({ work }) => work.pinned);
  const panels = drawn.map(({ work, results }) => {
    const bars = results.flatMap(({ subject, rounds }) =>
      rounds.length === 0
        ? []
        : {
            title: subject.title,
            perSecond: spread(rounds.map((round) => round.perSecond)).median,
          },
    );
    const panel = drawPanel(`${work.title}: ${work.unit} a second`, bars, top);
    top += HEAD + bars.length * (BAR + GAP) + GAP;
    return panel;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${top}" fill="white"/>
${panels.join('')}</svg>
`;
}

function drawPanel(title: string, bars: readonly Bar[], top: number): string {
  const most = Math.max(...bars.map(({ perSecond }) => perSecond));
  const rows = bars.map(({ title: label, perSecond }, index) => {
    const y = top + HEAD + index * (BAR + GAP);
    const width = ((WIDTH - LABELS - FIGURES) * perSecond) / most;
    const middle = y + BAR - 4;
    return `<text x="${LABELS - 8}" y="${middle}" text-anchor="end">${escape(label)}</text>
<rect x="${LABELS}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="#4477aa"/>
<text x="${(LABELS + width + 6).toFixed(1)}" y="${middle}">${number(perSecond)}</text>
`;
  });
  return `<text x="8" y="${top + 20}" font-weight="bold">${escape(title)}</text>\n${rows.join('')}`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
